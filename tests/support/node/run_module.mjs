/* Run a program of agents that is a WebAssembly module, with node as its system:
   node run_module.mjs MODULE ARGUMENT..   (stdin, stdout and the exit code are those of the program)
   node run_module.mjs MODULE              (the lines of stdin, one by one, through `answer`) */
import { readFileSync, writeSync } from "node:fs";

const READ = 0, WRITE = 1, EXIT = 231, POLL = 271;
const [file, ...words] = process.argv.slice(2);
const input = readFileSync(0), written = [];
let read = 0, memory;

class Exit extends Error {
  constructor(code) {
    super("exit");
    this.code = code;
  }
}

function system_call(number, a, b, c) {
  if (number === READ) {
    const size = Math.min(c, input.length - read);
    new Uint8Array(memory.buffer).set(input.subarray(read, read + size), b);
    read += size;
    return size;
  }
  if (number === WRITE) {
    written.push([a, Buffer.from(new Uint8Array(memory.buffer, b, c))]);
    return c;
  }
  if (number === EXIT) throw new Exit(a);
  return number === POLL ? b : 0; // every descriptor is ready
}

function runProgram({ enter }) {
  const base = memory.grow(1) * 65536; // [count, arguments.., 0, environment.. 0, auxiliary.. 0]
  const bytes = new Uint8Array(memory.buffer), stack = new Uint32Array(memory.buffer, base);
  let at = base + 1024;
  const pointers = ["agent", ...words].map((word) => {
    const start = at;
    at += bytes.set(Buffer.from(`${word}\0`), at) ?? word.length + 1;
    return start;
  });
  stack.set([pointers.length, ...pointers, 0, 0, 0, 0]);
  enter(base);
}

function answerLines({ start, answer, line_buffer }) {
  start(1);
  for (const line of input.toString().split("\n").filter(Boolean)) {
    const bytes = Buffer.from(line);
    new Uint8Array(memory.buffer).set(bytes, line_buffer());
    answer(bytes.length);
  }
}

const { instance } = await WebAssembly.instantiate(readFileSync(file), { host: { system_call } });
memory = instance.exports.memory;
try {
  (words.length ? runProgram : answerLines)(instance.exports);
} catch (error) {
  if (!(error instanceof Exit)) throw error;
  process.exitCode = error.code;
}
for (const [descriptor, bytes] of written)
  for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
