// Asks the office once in a while. Whoever is not answered within 50 ms asks again, up to 30 times, all at the same time.
const http = require('http');
let storm = 0;
function ask(left) {
  storm++;
  const request = http.get({ port: 21510, host: '127.0.0.1', agent: false, timeout: 50 }, (answer) => {
    answer.resume();
    answer.on('end', () => storm--);
  });
  let over = false;
  const again = () => {
    if (over) return;
    over = true;
    storm--;
    request.destroy();
    if (left > 0) setTimeout(() => ask(left - 1), 15);
    else setTimeout(() => ask(30), 15);          // and then it begins anew: nobody may be forgotten
  };
  request.on('timeout', again);
  request.on('error', again);
}
let waves = 0;
const fs = require('fs');
const born = Date.now();
setInterval(() => {
  let at = 0;
  try { at = fs.statSync(process.env.STATE_DIR + '/wave').mtimeMs; } catch (e) { }
  if (at > born && !waves++) for (let i = 0; i < 10; i++) ask(30);   // ten orders came while the office was closed
  else if (storm === 0) ask(0);
}, 250);
process.on('SIGTERM', () => process.exit(0));
console.log(JSON.stringify({ lvl: 'info', msg: '폴러 시작' }));
