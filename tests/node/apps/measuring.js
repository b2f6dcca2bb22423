// Measures itself and can be asked for things, as PM2's own library has apps do it: a metric `queue`, an action `drain`,
// an action `boom` that nobody catches, and every message that it gets is answered on the bus. Says when it is ready.
process.send({ type: "axm:monitor", data: { queue: { value: 3, agg_type: "sum" }, mood: { value: "calm" } } });
process.send({ type: "axm:monitor", data: { "Event Loop Latency": { value: "1.5", unit: "ms" } } });
process.send({ type: "axm:action", data: { action_name: "drain", action_type: "custom" } });
process.send({ type: "axm:action", data: { action_name: "boom", action_type: "custom" } });
process.on("message", (message) => {
  const asked = typeof message === "string" ? message : message.msg || message.topic;
  if (asked === "boom") setImmediate(() => { throw new Error("boom: password=hunter2"); });
  else process.send({ type: "process:msg", data: `heard ${asked} ${JSON.stringify(message.opts || message.data || "")}` });
});
setTimeout(() => process.send("ready"), 20);
setInterval(() => {}, 1 << 30);
