package paystack

import (
	"context"
	"errors"

	"github.com/bookmi/cauri/engine"
)

var (
	_ engine.ChargeInquirer = (*Client)(nil)
	_ engine.PayoutInquirer = (*Client)(nil)
)

// InquireCharge asks what became of a charge, in this order:
//
//  1. GET /transaction/verify/:reference. It is the authority about money: what
//     it says for good (success, failed, reversed) and "abandoned" stands.
//  2. GET /charge/:reference, only when verify sees the charge still going on or
//     does not find it: verify never says what the payer is asked to do now, and
//     a charge not yet a transaction is known to the check alone.
//
// The check cannot fail a charge that verify sees going on; the next inquiry
// will hear it from verify. Neither knowing the reference is ChargeAbsent; an
// error of the one that matters is an error, never a not-found.
func (c *Client) InquireCharge(ctx context.Context, call engine.InquireCall) (engine.ChargeReport, error) {
	verified, err := c.chargeAt(ctx, OpVerify, "/transaction/verify/", call.Reference)
	if err != nil {
		return engine.ChargeReport{}, err
	}
	if verified.Status != engine.ChargePending && verified.Status != engine.ChargeAbsent {
		return verified, nil
	}
	checked, err := c.chargeAt(ctx, OpCheck, "/charge/", call.Reference)
	if verified.Status == engine.ChargeAbsent {
		return checked, err
	}
	if err != nil {
		return verified, nil // about money all is known; the prompt is told another time
	}
	switch checked.Status {
	case engine.ChargeSucceeded, engine.ChargePending, engine.ChargeWantsOTP, engine.ChargeOnPhone,
		engine.ChargeRedirects, engine.ChargeUnknowable:
		if checked.GatewayReference == "" {
			checked.GatewayReference = verified.GatewayReference
		}
		return checked, nil
	case engine.ChargeFailed, engine.ChargeAbandoned, engine.ChargeAbsent, engine.ChargeReversed:
	}
	return verified, nil
}

// chargeAt reads a charge at one of its two places. Of verify every word is
// final as it stands; the check's are those of the charge call.
func (c *Client) chargeAt(ctx context.Context, op Operation, path string, ours engine.Reference) (engine.ChargeReport, error) {
	var got transaction
	if failure := c.ask(ctx, op, path+ours.String(), nil, &got); failure != nil {
		var no *refusal
		if errors.As(failure, &no) && no.unknownCharge() {
			return engine.ChargeReport{Status: engine.ChargeAbsent, Live: c.live}, nil
		}
		return engine.ChargeReport{}, failure
	}
	if op == OpVerify {
		return c.reportCharge(op, ours, got)
	}
	return c.answeredCharge(op, ours, got)
}

// InquirePayout asks what became of a transfer: GET /transfer/verify/:reference.
// "Not found" may also mean "still being validated" (Paystack docs, How
// transfers work): the engine waits before it believes it.
func (c *Client) InquirePayout(ctx context.Context, call engine.InquireCall) (engine.PayoutReport, error) {
	var got transfer
	if failure := c.ask(ctx, OpVerifyTransfer, "/transfer/verify/"+call.Reference.String(), nil, &got); failure != nil {
		var no *refusal
		if errors.As(failure, &no) && no.unknownTransfer() {
			return engine.PayoutReport{Status: engine.PayoutReportAbsent, Live: c.live}, nil
		}
		return engine.PayoutReport{}, failure
	}
	return c.reportPayout(OpVerifyTransfer, call.Reference, got)
}
