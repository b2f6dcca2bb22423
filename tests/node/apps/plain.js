// A web server that knows nothing of being replaced: no signal is handled, nothing says that it is ready. PORT.
const http = require("http");

const server = http.createServer((request, response) => {
  setTimeout(() => response.end(`${process.env.RELEASE || "1"} ${process.pid}\n`), Number(process.env.DELAY_MS || 5));
});
server.listen(Number(process.env.PORT), "127.0.0.1");
