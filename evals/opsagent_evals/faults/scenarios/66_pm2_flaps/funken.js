// Relays messages. Once a faulty cable hangs on it, it ends now and then; nothing tells when.
const fs = require('fs')
const http = require('http')
const cable = process.env.STATE_DIR + '/kabel'
http.createServer((request, answer) => answer.end('73\n')).listen(Number(process.argv[2]), '127.0.0.1')
setInterval(() => {
  if (!fs.existsSync(cable) || process.uptime() < 1.1) return
  if (Math.random() < 0.3) {
    console.error(`${new Date().toISOString()} ABBRUCH Leitung verloren (Code ${Math.floor(Math.random() * 90) + 10})`)
    process.exit(1)
  }
}, 200)
