// A burst: webhooks arrive at a rate that does not wait for answers, each event several
// times, spread over the nodes. What is turned away with 503 comes again after the time
// it was told, as a gateway's retry does. Afterwards whatever was answered 200 is there.
//
//   go tool k6 run webhook_burst.js                              # 200 a second for 5 s
//   RATE=2000 DURATION=30 ./run.sh webhook_burst
import { check, sleep } from 'k6';
import { Counter, Rate } from 'k6/metrics';
import exec from 'k6/execution';
import { batching, begin, mustLast } from './lib/client.js';
import { nodes, whole } from './lib/settings.js';
import { chargeSuccess, deliver, outcome } from './lib/paystack.js';
import { paidOnce, readAll } from './lib/truth.js';

const rate = whole('RATE', 200, 1, 50000); // webhooks a second
const seconds = whole('DURATION', 5, 1, 120);
const copies = whole('COPIES', 5, 1, 64); // of each event, one after the other
const vus = whole('VUS', 200, 1, 5000);
const payments = Math.max(1, Math.floor((rate * seconds) / copies));
const price = 15000;
const triesMax = 8; // of one webhook: Paystack's own hours are longer than a test's

const changed = new Counter('webhooks_changed');
const turnedAway = new Counter('webhooks_turned_away');
const taken = new Rate('webhooks_taken');
const wrong = new Counter('payments_wrong');

export const options = Object.assign({
  setupTimeout: '5m', teardownTimeout: '5m',
  scenarios: {
    burst: {
      executor: 'constant-arrival-rate', rate: rate, timeUnit: '1s', duration: `${seconds}s`, preAllocatedVUs: vus, maxVUs: vus,
      gracefulStop: '60s',
    },
  },
  thresholds: {
    webhooks_changed: [`count==${payments}`],
    webhooks_taken: ['rate==1'], // in the end
    payments_wrong: ['count==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'], // else there were too few users for the rate, and the burst was a smaller one
    'http_req_duration{name:webhook}': [`p(99)<${whole('P99_MS', 2000, 1, 60000)}`],
  },
}, batching);

export function setup() {
  const events = begin(payments, price);
  mustLast(events, Date.now() + seconds * 1000);
  return { events: events.map((e) => [e.id, e.reference]), paidAt: new Date().toISOString() };
}

export default function (data) {
  const turn = exec.scenario.iterationInTest;
  const event = data.events[Math.min(Math.floor(turn / copies), payments - 1)];
  const body = chargeSuccess(event[1], price, data.paidAt);
  let answer = deliver(nodes[turn % nodes.length], body);
  for (let tries = 1; answer.status === 503 && tries < triesMax; tries++) {
    turnedAway.add(1);
    const pause = Number(answer.headers['Retry-After']);
    check(pause, { 'a 503 says when to come again': (s) => s > 0 });
    sleep(Math.min(pause || 1, 10));
    answer = deliver(nodes[turn % nodes.length], body);
  }
  const became = outcome(answer);
  taken.add(became === 'changed' || became === 'duplicate');
  changed.add(became === 'changed' ? 1 : 0);
}

export function teardown(data) {
  for (const payment of readAll(data.events.map((e) => e[0]))) {
    wrong.add(paidOnce(payment, price) ? 0 : 1);
  }
}
