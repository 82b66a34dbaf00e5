// Paystack goes dark while payers come and go, and comes back. Nobody is left without a
// word, those who can be served through FedaPay are, and when it is over the books of
// both simulated gateways are held against what the API says of each payment: nobody
// has paid twice without being owed the rest.
//
// It drives the simulated gateways' own paths, so it runs against `demo` (which prints
// their addresses: PAYSTACK_SANDBOX_URL, FEDAPAY_SANDBOX_URL) and ./run.sh, not against
// a real gateway.
//
//   MODE=cut ./run.sh gateway_outage                             # calls end without an answer instead
import { check, fail, sleep } from 'k6';
import http from 'k6/http';
import { Counter } from 'k6/metrics';
import exec from 'k6/execution';
import { batching, phone } from './lib/client.js';
import { nodes, sandboxes, whole } from './lib/settings.js';
import { pay } from './lib/payer.js';
import { ended, readAll } from './lib/truth.js';

const rate = whole('RATE', 4, 1, 100); // payers a second
const before = whole('BEFORE', 3, 1, 600); // seconds of light, then of darkness, then of light again
const dark = whole('DARK', 10, 1, 600);
const after = whole('AFTER', 12, 1, 600); // longer than a breaker stays open
const patience = whole('PATIENCE', 20, 1, 600);
const settle = whole('SETTLE', 40, 1, 900); // seconds for what is under way at the end
const doubtful = whole('IN_DOUBT_MAX', 20, 0, 100000);
const mode = __ENV.MODE || 'refused'; // or cut
const price = 15000;

const throughPaystack = new Counter('paid_through_paystack');
const throughFedaPay = new Counter('paid_through_fedapay');
const backAtPaystack = new Counter('paid_through_paystack_after');
const surplus = new Counter('surplus_captures');
const overcharged = new Counter('payers_overcharged');
const lost = new Counter('captures_unknown_to_us');
const inDoubt = new Counter('payments_in_doubt');

export const options = Object.assign({
  teardownTimeout: '20m',
  scenarios: {
    payers: {
      executor: 'constant-arrival-rate', exec: 'payer', rate: rate, timeUnit: '1s', duration: `${before + dark + after}s`,
      preAllocatedVUs: rate * (patience + 5), maxVUs: rate * (patience + 5), gracefulStop: `${patience + 10}s`,
    },
    outage: { executor: 'per-vu-iterations', exec: 'outage', vus: 1, iterations: 1, startTime: `${before}s`, maxDuration: '10m' },
  },
  thresholds: {
    payers_left_without_a_word: ['count==0'],
    paid_through_paystack: ['count>0'],
    paid_through_fedapay: ['count>0'], // the second door opened
    paid_through_paystack_after: ['count>0'], // and the first one again
    payers_overcharged: ['count==0'],
    captures_unknown_to_us: ['count==0'],
    payments_in_doubt: [`count<=${doubtful}`], // connections cut in the middle: asked about for minutes, never asked elsewhere
    dropped_iterations: ['count==0'],
    checks: ['rate==1'],
  },
}, batching);

export function setup() {
  for (const name of Object.keys(sandboxes)) {
    if (!sandboxes[name] || http.get(`${sandboxes[name]}/sandbox/numbers`).status !== 200) {
      fail(`the simulated ${name} does not answer at ${sandboxes[name]}: set ${name.toUpperCase()}_SANDBOX_URL`);
    }
  }
  // The payers' numbers tell them from everybody else's in the gateways' books.
  return { crowd: String(Math.floor(Math.random() * 1e4)).padStart(4, '0'), began: Date.now() };
}

// payer pays by MTN, which both gateways charge without a page.
export function payer(data) {
  const began = Date.now();
  const payment = pay(nodes[exec.scenario.iterationInTest % nodes.length],
    { operator: 'mtn', phone: phone('05', data.crowd), amount: price }, patience);
  const kept = payment === null ? undefined : payment.attempts.find((a) => a.disposition === 'kept');
  throughPaystack.add(kept && kept.gateway === 'paystack' ? 1 : 0);
  throughFedaPay.add(kept && kept.gateway === 'fedapay' ? 1 : 0);
  const light = data.began + (before + dark) * 1000;
  backAtPaystack.add(kept && kept.gateway === 'paystack' && began > light ? 1 : 0);
}

export function outage() {
  const answer = http.post(`${sandboxes.paystack}/sandbox/dark`, JSON.stringify({ mode: mode, for_millis: dark * 1000 }));
  check(answer, { 'the simulated Paystack goes dark': (r) => r.status === 200 });
}

export function teardown(data) {
  const until = Date.now() + settle * 1000;
  let taken = books(data.crowd), payments = readAll([...taken.keys()]);
  while (!payments.every(settled) && Date.now() < until) {
    sleep(1);
    taken = books(data.crowd);
    payments = readAll([...taken.keys()]);
  }
  payments.forEach((payment, i) => judge(payment, [...taken.values()][i]));
}

// judge holds one payment against what the gateways took for it and gave back.
function judge(payment, money) {
  const owed = (payment.refund_due || 0) + (payment.refunds || []).filter((r) => r.status !== 'done').reduce((sum, r) => sum + r.amount, 0);
  const due = payment.status === 'succeeded' ? price : 0; // what a payer of this payment should have paid in the end
  const net = money.captured - money.refunded;
  const undecided = !ended(payment);
  inDoubt.add(undecided ? 1 : 0);
  surplus.add(money.captured > price ? 1 : 0);
  overcharged.add(net > due && !undecided && owed < net - due ? 1 : 0);
  lost.add(payment.id === undefined || (payment.status === 'succeeded' && net < due) ? 1 : 0);
}

function settled(payment) {
  return ended(payment) && !payment.refund_due && (payment.refunds || []).every((r) => r.status === 'done');
}

// books is what both gateways took and gave back for this run's payers, in francs, by
// payment. A reference is its payment's id and the attempt's number.
function books(crowd) {
  const taken = new Map();
  for (const name of Object.keys(sandboxes)) {
    const ledger = http.get(`${sandboxes[name]}/sandbox/books`, { tags: { name: 'books' } }).json();
    for (const row of ledger.payments.filter((p) => (p.phone || '').includes(`05${crowd}`))) {
      const id = `pay_${row.reference.split('-')[0]}`;
      const sum = taken.get(id) || { captured: 0, refunded: 0 };
      // FedaPay debits its fees on top, which are not ours; what was asked is.
      const captured = row.captured > 0 && name === 'fedapay' ? row.asked : row.captured;
      sum.captured += captured / ledger.subunits_per_unit;
      sum.refunded += row.refunded / ledger.subunits_per_unit;
      taken.set(id, sum);
    }
  }
  return taken;
}
