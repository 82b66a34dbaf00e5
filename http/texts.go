package http

import (
	"strconv"
	"strings"

	"github.com/bookmi/cauri/engine"
	"github.com/bookmi/cauri/engine/phone"
)

// language is what people are spoken to in.
type language int

// French comes first: it is the default.
const (
	french language = iota
	english
)

// languageOf reads Accept-Language (RFC 9110, 12.5.4): the language of ours with
// the greatest weight, the earlier one on a tie, French when none is asked for.
func languageOf(header string) language {
	best, chosen := 0.0, french
	for part := range strings.SplitSeq(header, ",") {
		tag, parameters, _ := strings.Cut(strings.TrimSpace(part), ";")
		weight := 1.0
		if q, given := strings.CutPrefix(strings.TrimSpace(parameters), "q="); given {
			parsed, err := strconv.ParseFloat(q, 64)
			if err != nil || parsed < 0 || parsed > 1 {
				continue
			}
			weight = parsed
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if weight <= best {
			continue
		}
		switch primary {
		case "fr", "*":
			best, chosen = weight, french
		case "en":
			best, chosen = weight, english
		}
	}
	return chosen
}

func (l language) String() string {
	if l == english {
		return "en"
	}
	return "fr"
}

// text is one sentence in each language.
type text struct{ fr, en string }

func (t text) in(l language) string {
	if l == english {
		return t.en
	}
	return t.fr
}

// textOf says what a code means to people. A field's name stands for {field}.
func textOf(l language, code engine.Code, field string) string {
	t, known := texts[code]
	if !known {
		t = texts[engine.CodeInternal]
	}
	_, name, _ := strings.Cut(field, ".")
	return strings.ReplaceAll(t.in(l), "{field}", name)
}

// operatorUnavailable names those who work now: an operator turned away is told
// what to use instead.
func operatorUnavailable(l language, asked phone.Operator, working []phone.Operator) string {
	names := make([]string, len(working))
	for i, o := range working {
		names[i] = o.Name()
	}
	if len(names) == 0 {
		return textOf(l, engine.CodeOperatorUnavailable, "")
	}
	if l == english {
		return asked.Name() + " is not available at the moment. You can use " + list(names, " or ") + "."
	}
	return asked.Name() + " n’est pas disponible pour le moment. Vous pouvez utiliser " + list(names, " ou ") + "."
}

func list(names []string, or string) string {
	last := len(names) - 1
	if last == 0 {
		return names[0]
	}
	return strings.Join(names[:last], ", ") + or + names[last]
}

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
		"Continuez sur la page de votre opérateur.",
		"Continue on your operator’s page.",
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
	textReview = text{
		"Paiement en cours de vérification par notre équipe.",
		"Our team is checking this payment.",
	}
)

// displayText is what the payer reads about a payment now: the gateway's own
// words, verbatim, when it gave some for this very step.
func displayText(l language, t engine.Transaction) string {
	a, _ := t.LastAttempt()
	if t.Review != "" {
		return textReview.in(l)
	}
	if t.Owed() > 0 && t.PaidAt.IsZero() {
		return textSurplus.in(l)
	}
	switch t.Status {
	case engine.ChargeIsSucceeded:
		return textPaid.in(l)
	case engine.ChargeIsFailed, engine.ChargeIsExpired:
		return endText(l, t, a)
	case engine.ChargeIsInitiated, engine.ChargeIsProcessing:
	}
	switch {
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

func endText(l language, t engine.Transaction, a engine.Attempt) string {
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

// texts has every code that can reach a client: what happened, and what to do.
var texts = map[engine.Code]text{
	// The envelope.
	codeUnauthenticated: {
		"Accès refusé : clé d’API absente ou inconnue.",
		"Access denied: the API key is missing or unknown.",
	},
	codeRouteUnknown: {
		"Cette adresse n’existe pas.",
		"There is nothing at this address.",
	},
	codeMethodNotAllowed: {
		"Cette opération n’existe pas à cette adresse.",
		"This address does not do that.",
	},
	codeRequestUnreadable: {
		"La requête est illisible. Mettez l’application à jour et réessayez.",
		"The request can’t be read. Update the app and try again.",
	},
	codeRequestTimeout: {
		"La requête a mis trop de temps à arriver. Vérifiez votre connexion et réessayez.",
		"The request took too long to arrive. Check your connection and try again.",
	},
	codeBodyTooLarge: {
		"La requête est trop volumineuse.",
		"The request is too large.",
	},
	codeHeadersTooLarge: {
		"Les en-têtes de la requête sont trop volumineux.",
		"The request’s headers are too large.",
	},
	codeMediaUnsupported: {
		"Le contenu doit être envoyé en JSON.",
		"The content must be sent as JSON.",
	},
	codeEncodingRefused: {
		"Le contenu doit être envoyé sans compression.",
		"The content must be sent uncompressed.",
	},
	codeJSONMalformed: {
		"Le contenu envoyé n’est pas du JSON correct.",
		"What was sent is not correct JSON.",
	},
	codeKeyMissing: {
		"Requête incomplète : l’en-tête Idempotency-Key manque.",
		"Incomplete request: the Idempotency-Key header is missing.",
	},
	codeKeyMalformed: {
		"L’en-tête Idempotency-Key est incorrect : de 1 à 255 caractères ASCII visibles.",
		"The Idempotency-Key header is wrong: 1 to 255 visible ASCII characters.",
	},
	engine.CodeIdempotencyKeyReused: {
		"Cette clé d’idempotence a déjà servi pour une autre demande. Utilisez une nouvelle clé.",
		"This idempotency key was used for another request. Use a new one.",
	},

	// The letter.
	codeValidationFailed: {
		"Plusieurs informations sont à corriger.",
		"Several things need correcting.",
	},
	codeFieldMissing: {
		"Il manque une information : {field}.",
		"Something is missing: {field}.",
	},
	codeFieldUnknown: {
		"La requête contient un champ inconnu.",
		"The request has an unknown field.",
	},
	codeFieldMalformed: {
		"Une information est incorrecte : {field}.",
		"Something is wrong: {field}.",
	},
	codeAmountNotWhole: {
		"Le montant doit être un nombre entier de francs, sans décimales.",
		"The amount must be a whole number of francs, without decimals.",
	},
	codeDateMalformed: {
		"La date de prestation est incorrecte.",
		"The delivery date is wrong.",
	},
	engine.CodeAmountOutOfRange: {
		"Ce montant n’est pas accepté : il est trop petit ou trop grand.",
		"This amount is not accepted: it is too small or too large.",
	},
	engine.CodeCurrencyUnsupported: {
		"Seul le franc CFA (XOF) est accepté.",
		"Only the CFA franc (XOF) is accepted.",
	},
	engine.CodeMethodUnsupported: {
		"Ce moyen de paiement n’est pas accepté. Utilisez Mobile Money.",
		"This way of paying is not accepted. Use mobile money.",
	},
	engine.CodeOperatorUnknown: {
		"Opérateur inconnu. Choisissez Orange, MTN, Wave ou Moov.",
		"Unknown operator. Choose Orange, MTN, Wave or Moov.",
	},
	engine.CodeOperatorUnavailable: {
		"Cet opérateur n’est pas disponible pour le moment. Choisissez-en un autre.",
		"This operator is not available at the moment. Choose another.",
	},
	engine.CodeOperatorMismatch: {
		"Ce numéro n’appartient pas à cet opérateur. Vérifiez le numéro ou l’opérateur.",
		"This number is not this operator’s. Check the number or the operator.",
	},
	engine.CodePhoneMalformed: {
		"Numéro de téléphone incorrect. Il a dix chiffres, par exemple 07 00 00 00 00.",
		"Wrong phone number. It has ten digits, such as 07 00 00 00 00.",
	},
	engine.CodePhoneForeign: {
		"Ce numéro est étranger. Utilisez un numéro ivoirien (+225).",
		"This number is foreign. Use a number of Côte d’Ivoire (+225).",
	},
	engine.CodePhoneLandline: {
		"Ce numéro est un fixe. Utilisez un mobile commençant par 01, 05 ou 07.",
		"This is a landline. Use a mobile beginning with 01, 05 or 07.",
	},
	engine.CodeEmailMalformed: {
		"Adresse e-mail incorrecte.",
		"Wrong e-mail address.",
	},
	engine.CodeNameMalformed: {
		"Nom incorrect : de 1 à 100 caractères.",
		"Wrong name: 1 to 100 characters.",
	},
	engine.CodeBookingMalformed: {
		"Identifiant de réservation incorrect.",
		"Wrong booking id.",
	},
	engine.CodeTalentMalformed: {
		"Identifiant de talent incorrect.",
		"Wrong talent id.",
	},
	engine.CodeIDMalformed: {
		"Identifiant de paiement incorrect.",
		"Wrong payment id.",
	},
	engine.CodeReferenceForeign: {
		"Référence inconnue.",
		"Unknown reference.",
	},
	engine.CodeOTPMalformed: {
		"Le code a de 4 à 8 chiffres.",
		"The code has 4 to 8 digits.",
	},
	engine.CodeDeliveryDateOutOfPlan: {
		"La date de prestation est trop ancienne ou trop lointaine.",
		"The delivery date is too long ago or too far ahead.",
	},

	// What is not, or not now.
	engine.CodePaymentUnknown: {
		"Paiement introuvable.",
		"Payment not found.",
	},
	engine.CodeBookingUnknown: {
		"Aucun paiement pour cette réservation.",
		"This booking has no payment.",
	},
	engine.CodeTalentUnknown: {
		"Talent introuvable.",
		"Talent not found.",
	},
	engine.CodeBookingBeingPaid: {
		"Un paiement est déjà en cours pour cette réservation.",
		"This booking is already being paid.",
	},
	engine.CodeBookingPaid: {
		"Cette réservation est déjà payée.",
		"This booking is already paid.",
	},
	engine.CodeOTPNotWanted: {
		"Ce paiement n’attend pas de code.",
		"This payment is not waiting for a code.",
	},
	engine.CodeOTPInProgress: {
		"Un code est déjà en cours de vérification. Patientez un instant.",
		"A code is being checked. One moment.",
	},
	engine.CodeOTPExhausted: {
		"Trop de codes incorrects. Recommencez le paiement dans quelques minutes.",
		"Too many wrong codes. Start the payment again in a few minutes.",
	},
	engine.CodeOTPInvalid: {
		"Le code saisi est incorrect. Vérifiez-le et saisissez-le à nouveau.",
		"The code is wrong. Check it and enter it again.",
	},
	engine.CodeOTPExpired: {
		"Le code a expiré. Recommencez le paiement.",
		"The code has expired. Start the payment again.",
	},
	engine.CodeNotPaid: {
		"Cette réservation n’est pas encore payée.",
		"This booking is not paid yet.",
	},
	engine.CodeUnderReview: {
		"Paiement en cours de vérification par notre équipe. Réessayez plus tard.",
		"Our team is checking this payment. Try again later.",
	},
	engine.CodeMoveIllegal: {
		"Cette opération n’est plus possible sur ce paiement.",
		"This can no longer be done to this payment.",
	},

	// Us.
	engine.CodeOverloaded: {
		"Service très sollicité. Réessayez dans un instant.",
		"The service is very busy. Try again in a moment.",
	},
	engine.CodeShuttingDown: {
		"Service en cours de redémarrage. Réessayez dans un instant.",
		"The service is restarting. Try again in a moment.",
	},
	engine.CodeStillRunning: {
		"Votre demande est en cours de traitement. Réessayez dans un instant.",
		"Your request is being worked on. Try again in a moment.",
	},
	engine.CodeInternal: {
		"Une erreur est survenue de notre côté. Réessayez plus tard.",
		"Something went wrong on our side. Try again later.",
	},

	// The gateways, to us and to the payer.
	engine.CodeSignatureWrong: {
		"Signature absente ou incorrecte.",
		"The signature is missing or wrong.",
	},
	engine.CodeNotificationForeign: {
		"Notification sans rapport avec nos paiements.",
		"A notification about none of our payments.",
	},
	engine.CodeInsufficientFunds: {
		"Solde insuffisant. Rechargez votre compte et recommencez.",
		"Not enough money. Top up your account and start again.",
	},
	engine.CodeRefusedByPayer: {
		"Le paiement a été refusé sur le téléphone.",
		"The payment was refused on the phone.",
	},
	engine.CodeGatewayDeclined: {
		"L’opérateur a refusé le paiement. Vous n’avez pas été débité.",
		"The operator declined the payment. You have not been charged.",
	},
	engine.CodeGatewayUnreachable: {
		"Le service de paiement est injoignable. Réessayez dans quelques minutes.",
		"The payment service can’t be reached. Try again in a few minutes.",
	},
	engine.CodeGatewayUnauthorized: {
		"Le service de paiement est indisponible. Réessayez plus tard.",
		"The payment service is unavailable. Try again later.",
	},
	engine.CodeGatewayRateLimited: {
		"Le service de paiement est très sollicité. Réessayez dans quelques minutes.",
		"The payment service is very busy. Try again in a few minutes.",
	},
	engine.CodeGatewayUnreadable: {
		"Réponse du service de paiement en cours de vérification.",
		"We are checking the payment service’s answer.",
	},
	engine.CodeGatewayTimeout: {
		"Le service de paiement n’a pas répondu à temps.",
		"The payment service did not answer in time.",
	},
	engine.CodeGatewayServerError: {
		"Le service de paiement a rencontré une erreur.",
		"The payment service had an error.",
	},
	engine.CodeDuplicateReference: {
		"Ce paiement a déjà été transmis. Vérification en cours.",
		"This payment was sent before. We are checking it.",
	},
	engine.CodeWalletRejected: {
		"Ce compte Mobile Money a été refusé. Vérifiez le numéro et le nom.",
		"This mobile-money account was refused. Check the number and the name.",
	},
	engine.CodeFloatLow: {
		"Le versement est retardé. Il partira automatiquement.",
		"The payout is delayed. It will leave by itself.",
	},
	engine.CodeGatewayMisconfigured: {
		"Le service de paiement est indisponible. Réessayez plus tard.",
		"The payment service is unavailable. Try again later.",
	},
	engine.CodeUnsupported: {
		"Cette opération n’est pas possible avec cet opérateur.",
		"This operator can’t do that.",
	},
}
