// A payer's afternoon: asked for the price, they type the code or approve on the phone,
// look how it went, and say that the performance took place.
import { sleep } from 'k6';
import { Counter, Rate, Trend } from 'k6/metrics';
import { confirming, fresh, initiating, order, reading, send, submittingOTP, wallet } from './client.js';
import { nodes } from './settings.js';
import { ended, paidOnce } from './truth.js';

// The code that is right at the simulated gateways, and for Paystack's own test number
// (Paystack docs, Test Payments).
export const otp = __ENV.OTP || '1234';

export const paid = new Rate('payers_paid'); // of those who began, who saw their payment succeed
export const released = new Rate('payers_released'); // of those who confirmed, who saw the hold released
export const untoldReasons = new Counter('payers_left_without_a_word'); // turned away, and not told why
export const wrong = new Counter('payments_wrong');
const paying = new Trend('paying', true); // from initiate to succeeded, the payer's own time included
const releasing = new Trend('releasing', true); // from confirm_delivery to released

// seldom and often bound how a payer polls: the API says when to ask again.
const often = 0.2, seldom = 5; // seconds

// talents are paid at once, whoever they are.
export const talents = ['k6-awa', 'k6-fanta', 'k6-sekou'];

// openWallets says where the talents are paid.
export function openWallets() {
  for (const talent of talents) {
    const answer = send(wallet(nodes[0], talent));
    if (answer.status !== 200 && answer.status !== 204) {
      throw new Error(`wallet was answered ${answer.status}: ${answer.body}`);
    }
  }
}

// pay begins a payment and follows it for at most so many seconds. It returns what was
// last seen of it, or null when no payment came of it.
export function pay(node, more, patience) {
  const began = Date.now();
  const answer = send(initiating(node, order(more)));
  if (answer.status !== 202) {
    const problem = answer.status === 0 ? {} : answer.json();
    untoldReasons.add(problem && problem.display_text ? 0 : 1);
    return null;
  }
  untoldReasons.add(0);
  let payment = answer.json(), typed = false;
  while (!ended(payment) && Date.now() - began < patience * 1000) {
    if (payment.next_action.type === 'submit_otp' && !typed) {
      typed = true;
      const taken = send(submittingOTP(node, payment.id, otp));
      payment = taken.status === 202 ? taken.json() : payment;
    } else {
      sleep(Math.min(Math.max((payment.poll_after_ms || 0) / 1000, often), seldom));
      payment = look(node, payment);
    }
  }
  if (payment.status === 'succeeded') {
    paying.add(Date.now() - began);
  }
  return payment;
}

// confirm says that the performance took place, and reports whether the hold was
// released within so many seconds.
export function confirm(node, payment, patience) {
  const began = Date.now();
  const answer = send(confirming(node, payment.booking_id));
  let seen = answer.status === 200 ? look(node, payment) : payment;
  while (seen.hold && seen.hold.status !== 'released' && Date.now() - began < patience * 1000) {
    sleep(often);
    seen = look(node, seen);
  }
  const done = seen.hold !== undefined && seen.hold.status === 'released' && seen.payout !== undefined;
  if (done) {
    releasing.add(Date.now() - began);
  }
  released.add(done);
  return seen;
}

// walk is all of it, once, at a node.
export function walk(node, patience) {
  const payment = pay(node, { talent_id: talents[Math.floor(Math.random() * talents.length)], booking_id: fresh('k6') }, patience);
  const succeeded = payment !== null && payment.status === 'succeeded';
  paid.add(succeeded);
  if (succeeded) {
    const whole = look(node, payment);
    wrong.add(paidOnce(whole, 15000) ? 0 : 1);
    confirm(node, whole, patience);
  }
  return payment;
}

// look reads the payment again; one that can't be read now is as it was.
export function look(node, payment) {
  const answer = send(reading(node, payment.id));
  return answer.status === 200 ? answer.json() : payment;
}
