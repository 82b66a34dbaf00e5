// Payers come at a rate: initiate, the code, the gateway's own webhook, confirm_delivery,
// and the release that follows. Every step is the real one: nothing is forged here, so
// the books of both sides agree afterwards.
//
//   go tool k6 run payments.js                                   # 5 payers a second for 15 s
//   RATE=50 DURATION=300 ./run.sh payments
import { nodes, whole } from './lib/settings.js';
import { openWallets, walk } from './lib/payer.js';
import exec from 'k6/execution';

const rate = whole('RATE', 5, 1, 1000); // payers a second
const seconds = whole('DURATION', 15, 1, 3600);
const patience = whole('PATIENCE', 60, 1, 600); // seconds a payer waits for each half
const vus = whole('VUS', Math.min(2000, rate * 20), 1, 5000);

export const options = {
  scenarios: {
    payers: {
      executor: 'constant-arrival-rate', rate: rate, timeUnit: '1s', duration: `${seconds}s`, preAllocatedVUs: vus, maxVUs: vus,
      gracefulStop: '150s',
    },
  },
  thresholds: {
    payers_paid: ['rate==1'],
    payers_released: ['rate==1'],
    payers_left_without_a_word: ['count==0'],
    payments_wrong: ['count==0'],
    checks: ['rate==1'],
    dropped_iterations: ['count==0'],
    http_req_failed: ['rate<0.001'],
    'http_req_duration{name:initiate}': [`p(95)<${whole('P95_MS', 3000, 1, 60000)}`], // it waits for the gateway up to three seconds
    'http_req_duration{name:payment}': ['p(95)<500'],
  },
};

export function setup() {
  openWallets();
}

export default function () {
  walk(nodes[exec.scenario.iterationInTest % nodes.length], patience);
}
