// Two crowds of virtual users, each with connections of its own and, where there are
// two nodes, each at a node of its own, fire the same signed event at the same instant,
// payment after payment. Afterwards each payment has succeeded once and has one hold.
//
//   go tool k6 run webhook_idempotence.js                        # against `cauri demo`
//   COPIES=200 PAYMENTS=500 ./run.sh webhook_idempotence         # against two nodes
import { check, sleep } from 'k6';
import { Counter } from 'k6/metrics';
import exec from 'k6/execution';
import { batching, begin, mustLast } from './lib/client.js';
import { nodes, whole } from './lib/settings.js';
import { chargeSuccess, deliver, outcome } from './lib/paystack.js';
import { paidOnce, readAll } from './lib/truth.js';

const copies = whole('COPIES', 50, 2, 2000);
const payments = whole('PAYMENTS', 40, 1, 5000);
const gap = whole('GAP_MS', 100, 1, 10000); // between one payment's instant and the next one's
const gather = 1000; // milliseconds in which every user is there before the first instant
const price = 15000;

const changed = new Counter('webhooks_changed');
const duplicates = new Counter('webhooks_duplicate');
const wrong = new Counter('payments_wrong');

// A crowd's users all walk through all payments, so that each is hit by every user once.
const crowd = (vus) => ({ executor: 'per-vu-iterations', vus: vus, iterations: payments, maxDuration: '20m' });

export const options = Object.assign({
  setupTimeout: '5m', teardownTimeout: '5m',
  scenarios: { first: crowd(Math.ceil(copies / 2)), second: crowd(Math.floor(copies / 2)) },
  thresholds: {
    webhooks_changed: [`count==${payments}`], // one copy of each event has an effect
    webhooks_duplicate: [`count==${payments * (copies - 1)}`], // the others are told that it had one
    payments_wrong: ['count==0'],
    checks: ['rate==1'],
    'http_req_duration{name:webhook}': [`p(99)<${whole('P99_MS', 5000, 1, 60000)}`],
  },
}, batching);

export function setup() {
  const events = begin(payments, price);
  const begins = Date.now() + gather;
  mustLast(events, begins + payments * gap);
  return { events: events.map((e) => [e.id, e.reference]), begins: begins, paidAt: new Date().toISOString() };
}

export default function (data) {
  const turn = exec.vu.iterationInScenario;
  const body = chargeSuccess(data.events[turn][1], price, data.paidAt);
  const left = data.begins + turn * gap - Date.now();
  if (left > 0) {
    sleep(left / 1000);
  }
  const answer = deliver(nodes[exec.scenario.name === 'first' ? 0 : nodes.length - 1], body);
  check(answer, { 'each copy is answered 200': (r) => r.status === 200 });
  const became = outcome(answer);
  changed.add(became === 'changed' ? 1 : 0);
  duplicates.add(became === 'duplicate' ? 1 : 0);
}

export function teardown(data) {
  for (const payment of readAll(data.events.map((e) => e[0]))) {
    wrong.add(paidOnce(payment, price) ? 0 : 1);
  }
}
