// Pays for a booking through the generated client, follows the payment until it has
// succeeded, and prints what is held. Every name below is checked against the contract.
import createClient from "openapi-fetch";
import { randomUUID } from "node:crypto";
import type { components, paths } from "./schema.js";

type Payment = components["schemas"]["Payment"];
type Problem = components["schemas"]["Problem"];

const api = createClient<paths>({
  baseUrl: process.env.CAURI ?? "http://127.0.0.1:8080",
  headers: { Authorization: `Bearer ${process.env.KEY ?? "ck_test_cauri_development"}`, "Accept-Language": "en" },
});

// orFail returns the answer, or says the problem in its own words.
function orFail<T>(answer: { data?: T; error?: Problem }): T {
  if (answer.data === undefined) {
    const problem = answer.error;
    throw new Error(problem ? `${problem.code}: ${problem.display_text} (request ${problem.request_id})` : "no answer");
  }
  return answer.data;
}

// once names one intention: the same key for as long as it is not answered.
const once = () => ({ "Idempotency-Key": randomUUID() });

function show(p: Payment) {
  console.log(`version ${p.version}  ${p.status}  ${p.next_action.type}  ${p.display_text}`);
}

const booking = `ts-${randomUUID()}`;
let payment = orFail(
  await api.POST("/v1/payments/initiate", {
    params: { header: once() },
    body: {
      booking_id: booking, talent_id: "awa-kouassi", amount: 25000, currency: "XOF", method: "mobile_money",
      operator: "orange", phone: "0700000000", email: "awa@example.ci",
    },
  }),
);
show(payment);

if (payment.next_action.type === "submit_otp") {
  payment = orFail(
    await api.POST("/v1/payments/submit_otp", {
      params: { header: once() },
      body: { payment_id: payment.id, otp: "1234" }, // the simulated gateways' code
    }),
  );
  show(payment);
}

while (payment.poll_after_ms !== undefined) {
  payment = orFail(
    await api.GET("/v1/payments/{id}", {
      params: { path: { id: payment.id }, query: { wait: "25s", since_version: payment.version } },
    }),
  );
  show(payment);
}
if (payment.status !== "succeeded" || payment.hold === undefined) {
  throw new Error(`${payment.status}: ${payment.display_text}`);
}
const { amount, commission, talent_fee, release_at } = payment.hold;
console.log(`held ${amount} F: ${commission} F commission, ${talent_fee} F for the talent, released at the latest ${release_at}`);

// What is wrong is said in a form that can be switched on.
const wrong = await api.GET("/v1/payments/{id}", { params: { path: { id: "pay_nobodys" } } });
console.log(`and a payment of nobody's: ${wrong.response.status} ${wrong.error?.code}, see ${wrong.error?.type}`);
