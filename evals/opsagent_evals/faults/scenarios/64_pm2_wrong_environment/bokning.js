// Books what the store has left. Where the store is it has from its environment.
const http = require('http')
const net = require('net')
const [host, port] = (process.env.LAGER_ADRESS || '').split(':')
http.createServer((req, res) => {
  const lager = net.connect(+port, host)
  let svar = ''
  lager.setTimeout(700, () => lager.destroy(new Error('inget svar')))
  lager.on('data', d => { svar += d })
  lager.on('end', () => res.end('ledigt ' + svar))
  lager.on('error', fel => {
    console.error(JSON.stringify({ nivå: 'fel', händelse: 'lagret nås inte', kod: fel.code || fel.message }))
    res.statusCode = 502
    res.end('stängt')
  })
}).listen(21640, '127.0.0.1', () => console.log(JSON.stringify({ nivå: 'info', händelse: 'öppet' })))
