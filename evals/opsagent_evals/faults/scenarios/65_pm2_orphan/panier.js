const http = require('http')
http.createServer((request, answer) => answer.end('vide\n')).listen(Number(process.argv[2]), '127.0.0.1')
