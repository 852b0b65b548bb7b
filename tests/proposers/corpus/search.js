// a search
const seed = 7;
const rate = 0.05, greedy = true;
let config = { width: 64, act: "relu", nested: { depth: 3 } };
config.lr = 3e-4;
function step(x, n = 5) {
  if (config.act === "tanh") { return x * 0.5; }
  while (true) { break; }
  console.log("step", 3);
  return Math.max(x[0], 0.1);
}
