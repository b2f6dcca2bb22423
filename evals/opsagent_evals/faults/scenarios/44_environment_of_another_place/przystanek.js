// A stop: shows when the next tram comes. All that it knows it has from its environment.
const http = require('http')
const net = require('net')
const { TABLICA_ADRES, TABLICA_PORT, HASLO } = process.env
http.createServer((req, res) => {
  const t = net.connect(+TABLICA_PORT, TABLICA_ADRES, () => t.write(HASLO + '\n'))
  t.setTimeout(600, () => t.destroy(new Error('cisza')))
  t.on('error', e => {
    console.error(`priorytet=błąd komunikat="tablica milczy" kod=${e.code || e.message}`)
    res.statusCode = 503
    res.end('brak danych')
  })
  t.once('data', d => { t.end(); res.end(d) })
}).listen(21440, '127.0.0.1', () => console.log('priorytet=info komunikat="przystanek działa"'))
