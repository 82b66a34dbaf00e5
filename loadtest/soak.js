// The day's work for as long as you like: payers come and go, what they paid is told
// again and again, clients look. Nothing may drift: not the answers' time, not the
// memory, not the truth.
//
//   MINUTES=480 go tool k6 run soak.js                           # a night
import http from 'k6/http';
import { check } from 'k6';
import { Gauge } from 'k6/metrics';
import exec from 'k6/execution';
import { admins, nodes, whole } from './lib/settings.js';
import { openWallets, walk } from './lib/payer.js';
import { chargeSuccess, deliver, outcome } from './lib/paystack.js';

const rate = whole('RATE', 3, 1, 500); // payers a second
const minutes = whole('MINUTES', 30, 1, 10080);
const patience = whole('PATIENCE', 60, 1, 600);
const echoes = whole('ECHOES', 4, 0, 64); // how often each payer's webhook comes again
const vus = whole('VUS', Math.min(2000, rate * 20), 1, 5000);
const lookEvery = 10; // seconds
const warm = 0.2; // of the run: then memory is what it should remain

const resident = new Gauge('resident_megabytes');
const growth = new Gauge('resident_growth');

export const options = {
  scenarios: {
    payers: {
      executor: 'constant-arrival-rate', exec: 'payer', rate: rate, timeUnit: '1s', duration: `${minutes}m`,
      preAllocatedVUs: vus, maxVUs: vus, gracefulStop: '150s',
    },
    memory: {
      executor: 'constant-arrival-rate', exec: 'memory', rate: 1, timeUnit: `${lookEvery}s`, duration: `${minutes}m`,
      preAllocatedVUs: 1, maxVUs: 1,
    },
  },
  thresholds: {
    payers_paid: ['rate>0.999'],
    payers_released: ['rate>0.999'],
    payers_left_without_a_word: ['count==0'],
    payments_wrong: ['count==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    http_req_failed: ['rate<0.001'],
    'http_req_duration{name:webhook}': [`p(99)<${whole('P99_MS', 1000, 1, 60000)}`],
    resident_growth: ['value<1.3'],
  },
};

export function setup() {
  openWallets();
}

export function payer() {
  const node = nodes[exec.scenario.iterationInTest % nodes.length];
  const payment = walk(node, patience);
  if (payment === null || payment.status !== 'succeeded') {
    return;
  }
  const body = chargeSuccess(payment.reference, payment.amount, payment.paid_at);
  for (let i = 0; i < echoes; i++) {
    const answer = deliver(nodes[i % nodes.length], body);
    check(answer, { 'an old webhook has no effect': (r) => outcome(r) === 'duplicate' });
  }
}

let warmBytes = 0; // of this one user's, who looks alone

export function memory() {
  const bytes = admins.reduce((sum, admin) => sum + residentOf(admin), 0);
  if (warmBytes === 0 && exec.scenario.progress >= warm) {
    warmBytes = bytes;
  }
  resident.add(bytes / (1 << 20));
  growth.add(warmBytes === 0 ? 1 : bytes / warmBytes);
}

// residentOf reads a node's own metrics.
function residentOf(admin) {
  const answer = http.get(`${admin}/metrics`, { tags: { name: 'metrics' } });
  const line = answer.status === 200 && answer.body.match(/^process_resident_memory_bytes (\S+)$/m);
  check(line, { 'a node tells how much memory it has': (l) => Boolean(l) });
  return line ? Number(line[1]) : 0;
}
