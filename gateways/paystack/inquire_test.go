package paystack_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/bookmi/cauri/engine"
)

const transferPath = "/transfer/verify/01jd3m5nq8rstvwxyz0123456k-p1"

func TestVerifyDecidesAboutMoneyAndTheCheckAboutThePrompt(t *testing.T) {
	t.Parallel()
	verify := func(status string, fields map[string]any) reply {
		return reply{200, about(t, "constructed.transaction.verify.response.xof_"+status, chargeRef, fields)}
	}
	check := func(status string) reply {
		return reply{200, about(t, "charge.check.response."+status, chargeRef, nil)}
	}
	gone := reply{400, sample(t, "error.transaction_not_found.400")}
	gone404 := reply{404, `{"status":false,"message":"Transaction reference not found"}`}
	invalid := reply{400, sample(t, "error.charge.submit_otp_bad_reference.400")}
	down := reply{503, ""}

	for name, c := range map[string]struct {
		verify, check reply
		want          engine.ChargeReportStatus
		calls         int
	}{
		"success":                       {verify("success", nil), down, engine.ChargeSucceeded, 1},
		"failed":                        {verify("failed", nil), down, engine.ChargeFailed, 1},
		"abandoned":                     {verify("abandoned", nil), down, engine.ChargeAbandoned, 1},
		"reversed":                      {verify("success", map[string]any{"status": "reversed"}), down, engine.ChargeReversed, 1},
		"timeout, in verify's own word": {verify("failed", map[string]any{"status": "timeout"}), down, engine.ChargeFailed, 1},
		"ongoing, wants a code":         {verify("ongoing", nil), check("send_otp"), engine.ChargeWantsOTP, 2},
		"ongoing, opens a page":         {verify("ongoing", nil), check("open_url"), engine.ChargeRedirects, 2},
		"processing":                    {verify("ongoing", map[string]any{"status": "processing"}), check("pending"), engine.ChargePending, 2},
		"queued":                        {verify("ongoing", map[string]any{"status": "queued"}), check("pending"), engine.ChargePending, 2},
		"a new word":                    {verify("ongoing", map[string]any{"status": "zen"}), check("pending"), engine.ChargePending, 2},
		"ongoing, paid meanwhile":       {verify("ongoing", nil), check("success"), engine.ChargeSucceeded, 2},
		"ongoing, the check fails it":   {verify("ongoing", nil), check("failed"), engine.ChargePending, 2},
		"ongoing, the check is down":    {verify("ongoing", nil), down, engine.ChargePending, 2},
		"ongoing, unknown to the check": {verify("ongoing", nil), invalid, engine.ChargePending, 2},
		"unknown to both":               {gone, invalid, engine.ChargeAbsent, 2},
		"unknown to both, by 404":       {gone404, gone404, engine.ChargeAbsent, 2},
		"known to the check alone":      {gone, check("send_otp"), engine.ChargeWantsOTP, 2},
		"failed for the check alone":    {gone, check("failed"), engine.ChargeFailed, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := answering(t, map[string]reply{verifyPath: c.verify, checkPath: c.check})
			got, err := client(t, r.URL).InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef})
			require.NoError(t, err)
			require.Equal(t, c.want, got.Status)
			require.Len(t, r.Requests(), c.calls)
			require.Equal(t, verifyPath, r.Requests()[0].Path)
		})
	}
}

func TestAnInquiryThatWasNotAnsweredIsNoNotFound(t *testing.T) {
	t.Parallel()
	gone := reply{400, sample(t, "error.transaction_not_found.400")}
	penniless := about(t, "constructed.transaction.verify.response.xof_success", chargeRef, map[string]any{"amount": nil})
	for name, answers := range map[string]map[string]reply{
		"verify is down":                {verifyPath: {503, ""}, checkPath: gone},
		"verify refuses the key":        {verifyPath: {401, ""}, checkPath: gone},
		"verify says 404 as a page":     {verifyPath: {404, "<html>Not Found</html>"}, checkPath: gone},
		"verify says 404 of something":  {verifyPath: {404, `{"status":false,"message":"Not Found"}`}, checkPath: gone},
		"verify says it with 500":       {verifyPath: {500, gone.body}, checkPath: gone},
		"verify says it with 200":       {verifyPath: {200, gone.body}, checkPath: gone},
		"gone, and the check is down":   {verifyPath: gone, checkPath: {503, ""}},
		"verify is about another":       {verifyPath: {200, sample(t, "constructed.transaction.verify.response.xof_success")}},
		"verify's success has no money": {verifyPath: {200, penniless}},
	} {
		r := answering(t, answers)
		got, err := client(t, r.URL).InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef})
		require.Error(t, err, name)
		require.Empty(t, got, name)
	}
}

func TestVerifyTellsTheWholeOfASuccess(t *testing.T) {
	t.Parallel()
	r := answering(t, map[string]reply{verifyPath: {200, about(t, "constructed.transaction.verify.response.xof_success", chargeRef, nil)}})
	got, err := client(t, r.URL).InquireCharge(t.Context(), engine.InquireCall{Reference: chargeRef})
	require.NoError(t, err)
	require.Equal(t, engine.ChargeReport{
		Status: engine.ChargeSucceeded, Amount: 5_000, Currency: "XOF", GatewayReference: "4099260516", Fee: 98, FeeSubunits: 9750,
	}, got)
	require.Equal(t, "GET", r.Requests()[0].Method)
	require.Empty(t, r.Requests()[0].Body)
}

func TestATransferIsAskedAbout(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]engine.PayoutReportStatus{
		"success": engine.PayoutReportPaid, "pending": engine.PayoutReportPending, "received": engine.PayoutReportPending,
		"otp": engine.PayoutReportPending, "failed": engine.PayoutReportFailed, "abandoned": engine.PayoutReportFailed,
		"blocked": engine.PayoutReportFailed, "rejected": engine.PayoutReportFailed, "reversed": engine.PayoutReportReversed,
		"levitating": engine.PayoutReportPending,
	} {
		r := answering(t, map[string]reply{transferPath: {200, about(t, "transfer.verify.response.success", payoutRef, map[string]any{
			"status": word, "currency": "XOF", "amount": 1_275_000, "fee_charged": 1050, "gateway_response": "words for staff",
		})}})
		got, err := client(t, r.URL).InquirePayout(t.Context(), engine.InquireCall{Reference: payoutRef})
		require.NoError(t, err, word)
		require.Equal(t, want, got.Status, word)
		got.Status, got.Code = "", ""
		require.Equal(t, engine.PayoutReport{
			Amount: 12_750, Currency: "XOF", GatewayReference: "TRF_8opchtrhtjlfz90n", Recipient: "RCP_gd9vgag7n5lr5ix",
			Fee: 11, FeeSubunits: 1050, Text: "words for staff",
		}, got, word)
	}
}

func TestATransferNobodyFindsIsAbsentAndADeadGatewayIsNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		reply
		absent bool
	}{
		"404":          {reply{404, sample(t, "error.transfer.not_found.404")}, true},
		"by code":      {reply{400, `{"status":false,"message":"no","code":"transfer_not_found"}`}, true},
		"404 of else":  {reply{404, `{"status":false,"message":"Not Found"}`}, false},
		"404 a page":   {reply{404, "<html>"}, false},
		"500":          {reply{500, sample(t, "error.transfer.not_found.404")}, false},
		"rate limited": {reply{429, sample(t, "error.rate_limited.429")}, false},
	} {
		r := answering(t, map[string]reply{transferPath: c.reply})
		got, err := client(t, r.URL).InquirePayout(t.Context(), engine.InquireCall{Reference: payoutRef})
		if c.absent {
			require.NoError(t, err, name)
			require.Equal(t, engine.PayoutReportAbsent, got.Status, name)
			continue
		}
		require.Error(t, err, name)
	}
}
