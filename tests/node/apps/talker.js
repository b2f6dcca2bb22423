// Does what it is told on standard input: a line "out TEXT", "err TEXT", "throw TEXT" or "exit CODE". Says what it was
// started with at once. Handles SIGINT only where TRAP is set.
console.log(`started ${process.pid} ${process.env.GREETING || ""}`);
if (process.env.TRAP) process.on("SIGINT", () => console.log("trapped"));
let rest = "";
process.stdin.on("data", (data) => {
  rest += data;
  const lines = rest.split("\n");
  rest = lines.pop();
  for (const line of lines) {
    const [what, ...words] = line.split(" ");
    if (what === "out") console.log(words.join(" "));
    if (what === "err") console.error(words.join(" "));
    if (what === "throw") setImmediate(() => { throw new Error(words.join(" ")); });
    if (what === "exit") process.exit(Number(words[0]));
  }
});
setInterval(() => {}, 1 << 30);
