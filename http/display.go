package http

import "github.com/bookmi/cauri/engine"

// What a payment says by itself, when the gateway gave no words.
var (
	textSending = text{
		"Paiement en cours d’envoi. Patientez un instant.",
		"Sending your payment. One moment.",
	}
	textVerifying = text{
		"Vérification du paiement en cours. Ne payez pas une seconde fois.",
		"We are checking your payment. Do not pay a second time.",
	}
	textChecking = text{
		"Vérification de votre code en cours.",
		"Checking your code.",
	}
	textOTP = text{
		"Saisissez le code que votre opérateur vous a donné.",
		"Enter the code your operator gave you.",
	}
	textApprove = text{
		"Validez le paiement sur votre téléphone.",
		"Approve the payment on your phone.",
	}
	textRedirect = text{
		"Continuez sur la page de paiement.",
		"Continue on the payment page.",
	}
	textPaid = text{
		"Paiement reçu. Merci !",
		"Payment received. Thank you!",
	}
	textFailed = text{
		"Le paiement n’a pas abouti. Vous n’avez pas été débité.",
		"The payment did not go through. You have not been charged.",
	}
	textExpired = text{
		"Le délai de validation est dépassé. Vous pouvez recommencer.",
		"The time to approve has passed. You can start again.",
	}
	textSurplus = text{
		"Votre argent est arrivé trop tard pour cette réservation : il vous est dû et sera remboursé.",
		"Your money came too late for this booking: it is owed to you and will be refunded.",
	}
	textPaidTwice = text{
		"Paiement reçu. Vous avez été débité une fois de trop : ce montant vous sera remboursé.",
		"Payment received. You were charged once too often: that amount will be refunded.",
	}
	textGivenBack = text{
		"Votre argent était arrivé trop tard pour cette réservation : il vous a été remboursé.",
		"Your money came too late for this booking: it has been refunded.",
	}
	textOffering = text{
		"Le service de paiement ne répond pas. Nous réessayons : rien n’a été débité, patientez.",
		"The payment service does not answer. We are trying again: nothing was charged, please wait.",
	}
	textCardAlone = text{
		"Un paiement par carte n’a pas d’opérateur.",
		"A card payment has no operator.",
	}
	textReview = text{
		"Paiement en cours de vérification par notre équipe.",
		"Our team is checking this payment.",
	}
)

// displayText is what the payer reads about a payment now: the gateway's own
// words, verbatim, when it gave some for this very step.
//
// working names what could be used instead.
func displayText(l language, t engine.Transaction, working []string) string {
	a, _ := t.LastAttempt()
	switch {
	case t.Review != "":
		return textReview.in(l)
	case t.PaidAt.IsZero() && t.Owed() > 0:
		return textSurplus.in(l)
	case t.PaidAt.IsZero() && len(t.Refunds) > 0:
		return textGivenBack.in(l)
	}
	switch t.Status {
	case engine.ChargeIsSucceeded:
		if t.Owed() > 0 {
			return textPaidTwice.in(l)
		}
		return textPaid.in(l)
	case engine.ChargeIsFailed, engine.ChargeIsExpired:
		return endText(l, t, a, working)
	case engine.ChargeIsCancelled: // what the gateway last said is no longer asked of the payer
		return textOf(l, engine.CodePaymentCancelled, "")
	case engine.ChargeIsInitiated, engine.ChargeIsProcessing:
	}
	switch {
	case waits(t):
		return textOffering.in(l)
	case a.Status == engine.AttemptSending:
		return textSending.in(l)
	case a.Status != engine.AttemptCustomer:
		return textVerifying.in(l)
	case a.OTPInFlight:
		return textChecking.in(l)
	case a.Code == engine.CodeOTPInvalid, a.Code == engine.CodeOTPExhausted:
		return textOf(l, a.Code, "") // the prompt's words, if that is what Text still is, would not say so
	case a.Text != "":
		return a.Text
	}
	switch a.NextAction {
	case engine.NextOTP:
		return textOTP.in(l)
	case engine.NextApprove:
		return textApprove.in(l)
	case engine.NextRedirect:
		return textRedirect.in(l)
	case engine.NextNone:
	}
	return textVerifying.in(l)
}

// waits reports that every gateway turned the payment away unsent, and that it
// will be offered again (docs/adr/0017).
func waits(t engine.Transaction) bool {
	return t.Status == engine.ChargeIsInitiated && t.Code == engine.CodeGatewaysResting
}

func endText(l language, t engine.Transaction, a engine.Attempt, working []string) string {
	if _, named := shut[t.Code]; named { // of no use to the payer are the words of a gateway that could not help
		return turnedAway(l, t.Code, wanted(l, t.Method, t.Payer.Operator), working)
	}
	if a.Text != "" {
		return a.Text
	}
	if sentence, known := texts[t.Code]; known && t.Code != "" {
		return sentence.in(l)
	}
	if t.Status == engine.ChargeIsExpired {
		return textExpired.in(l)
	}
	return textFailed.in(l)
}
