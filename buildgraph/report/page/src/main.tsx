import { render } from "preact";
import { parseDocument } from "./data";
import { Page } from "./page";
import "./page.css";

const page = document.getElementById("page");
const data = document.getElementById("data");
if (page && data) {
  try {
    render(<Page document={parseDocument(data.textContent)} />, page);
  } catch (error) {
    page.textContent = `This report cannot be shown: ${error instanceof Error ? error.message : "?"}`;
  }
}
