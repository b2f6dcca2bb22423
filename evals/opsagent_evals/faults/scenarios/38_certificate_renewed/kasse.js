// The till: asks the gateway over TLS for every customer, and believes no one whose certificate is not valid.
const http = require('http')
const https = require('https')
const fs = require('fs')
http.createServer((req, res) => {
  const ask = https.get({ host: '127.0.0.1', port: 21380, path: '/', servername: 'localhost', agent: false,
    ca: fs.readFileSync('tls/root.crt'), timeout: 1000 }, a => {
    let text = ''
    a.on('data', d => { text += d })
    a.on('end', () => res.end(text))
  })
  ask.on('error', e => {
    console.error(`${new Date().toISOString()} FEHLER Verbindung abgelehnt`)
    res.statusCode = 502
    res.end('zu')
  })
}).listen(21381, '127.0.0.1')
