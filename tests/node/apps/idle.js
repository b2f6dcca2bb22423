// Says that it is ready, then does nothing, for ever; handles no signal.
process.send && process.send("ready");
setInterval(() => {}, 1 << 30);
