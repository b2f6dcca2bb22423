// Timetables; reads its configuration at the start and on SIGHUP.
const http = require('http')
const fs = require('fs')
let conf = JSON.parse(fs.readFileSync('orari.json', 'utf8'))
process.on('SIGHUP', () => {
  conf = JSON.parse(fs.readFileSync('orari.json', 'utf8'))
  console.log(`avviso: configurazione riletta, righe=${conf.righe}`)
})
http.createServer((req, res) => res.end(Array(conf.righe).fill('Milano 08:15').join('\n')))
  .listen(21400, '127.0.0.1', () => console.log('pronto'))
