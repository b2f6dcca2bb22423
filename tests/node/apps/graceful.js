// Loses no request when it is replaced: says when it is ready, and on SIGINT takes no more connections, answers what
// it has, and asks clients that keep their connection to open another one. PORT, or LISTEN_FD of a socket that is held
// for it; RELEASE is in the answer.
const http = require("http");
const net = require("net");

const delay = Number(process.env.DELAY_MS || 5);
let ending = false;

const server = http.createServer((request, response) => {
  setTimeout(() => {
    if (ending) response.setHeader("Connection", "close");
    response.end(`${process.env.RELEASE || "1"} ${process.pid}\n`);
  }, delay);
});

const held = process.env.LISTEN_FD;
const where = held ? { fd: Number(held) } : { port: Number(process.env.PORT), host: "127.0.0.1" };
server.listen(where, () => process.send && process.send("ready"));

process.on("SIGINT", () => {
  ending = true;
  // http.Server.close() would cut idle keep-alive connections, on which a request may be under way.
  net.Server.prototype.close.call(server, () => process.exit(0));
  setTimeout(() => process.exit(0), Number(process.env.DRAIN_MS || 1000)).unref();
});
