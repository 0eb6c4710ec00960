/* Take pictures of each page of a report, light and dark: node pictures.mjs REPORT FOLDER */
import { launch, open } from "./open.mjs";

const [file, folder] = process.argv.slice(2);
const browser = await launch();
for (const width of [360, 1000, 1600])
  for (const dark of [false, true]) {
    const { page, errors, context } = await open(browser, file, { width, dark });
    for (const name of ["fleet", "export", "agent", "graph", "build"]) {
      await page.evaluate((hash) => (location.hash = hash), `#/${name}`);
      await page.waitForSelector("h1");
      await page.screenshot({ path: `${folder}/${name}-${width}-${dark ? "dark" : "light"}.png`, fullPage: true });
      const beyond = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (beyond > 0) console.log(`${name} at ${width}: ${beyond} px beyond the window`);
    }
    if (errors.length) console.log(errors.join("\n"));
    await context.close();
  }
await browser.close();
