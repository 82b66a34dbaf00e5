// Two crowds of virtual users, each with connections of its own, fire the same signed
// event at the same instant, payment after payment. Afterwards each payment has
// succeeded once and has one hold: nothing more.
//
//   go tool k6 run webhook_idempotence.js                        # against `cauri demo`
//   COPIES=200 PAYMENTS=500 go tool k6 run webhook_idempotence.js
import { check, fail, sleep } from 'k6';
import { Counter } from 'k6/metrics';
import exec from 'k6/execution';
import { chargeSuccess, deliver, initiate, nodes, payment } from './lib/cauri.js';

const copies = Number(__ENV.COPIES || 50);
const payments = Number(__ENV.PAYMENTS || 50);
const gap = Number(__ENV.GAP_MS || 100); // between one payment's instant and the next one's
const price = 15000;

const changed = new Counter('webhooks_changed');
const duplicates = new Counter('webhooks_duplicate');
const wrong = new Counter('payments_wrong');

// each crowd walks through all payments; its users take turns being early.
const crowd = {
  executor: 'per-vu-iterations', vus: copies / 2, iterations: payments, maxDuration: '20m',
};

export const options = {
  setupTimeout: '5m', teardownTimeout: '5m',
  scenarios: { first: crowd, second: crowd },
  thresholds: {
    // Said 200 exactly once with an effect for each payment, and 200 to all the others.
    webhooks_changed: [`count==${payments}`],
    webhooks_duplicate: [`count==${payments * (copies - (copies % 2) - 1)}`],
    payments_wrong: ['count==0'],
    checks: ['rate==1'],
    'http_req_duration{name:webhook}': ['p(99)<5000'],
  },
};

export function setup() {
  const events = [];
  for (let i = 0; i < payments; i++) {
    const answer = initiate(nodes[i % nodes.length], price);
    if (answer.status !== 202) {
      fail(`initiate: ${answer.status} ${answer.body}`);
    }
    const begun = answer.json();
    events.push({ id: begun.id, notification: chargeSuccess(begun.reference, price) });
  }
  return { events: events, begins: Date.now() + 2000 };
}

export default function (data) {
  const turn = exec.vu.iterationInScenario;
  const event = data.events[turn];
  const instant = data.begins + turn * gap;
  const left = instant - Date.now();
  if (left > 0) {
    sleep(left / 1000);
  }
  const node = nodes[exec.scenario.name === 'first' ? 0 : nodes.length - 1];
  const answer = deliver(node, event.notification, { name: 'webhook' });
  const outcome = answer.status === 200 ? answer.json('outcome') : '';
  check(answer, { 'each copy is answered 200': (r) => r.status === 200 });
  changed.add(outcome === 'changed' ? 1 : 0);
  duplicates.add(outcome === 'duplicate' ? 1 : 0);
}

export function teardown(data) {
  for (const event of data.events) {
    const seen = payment(nodes[0], event.id).json();
    const successes = (seen.timeline || []).filter((m) => m.what === 'charge' && m.to === 'succeeded').length;
    const holds = (seen.timeline || []).filter((m) => m.what === 'hold' && m.to === 'held').length;
    const right = check(seen, {
      'it has succeeded': (p) => p.status === 'succeeded',
      'once': () => successes === 1,
      'with one hold of the price': (p) => holds === 1 && p.hold && p.hold.amount === price,
    });
    wrong.add(right ? 0 : 1);
  }
}
