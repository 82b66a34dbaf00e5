package http

import "github.com/bookmi/cauri/engine"

// limitTexts say what to do when a limit is used up that people meet.
var limitTexts = map[string]text{
	limitStartPhone: {
		"Trop de demandes de paiement sur ce numéro. Répondez à celle qui est sur le téléphone, ou réessayez dans {minutes} min.",
		"Too many payment requests to this number. Answer the one on the phone, or try again in {minutes} min.",
	},
	limitStartBooking: {
		"Trop de tentatives de paiement pour cette réservation. Réessayez dans {minutes} min.",
		"Too many attempts to pay for this booking. Try again in {minutes} min.",
	},
	limitCodePhone: {
		"Trop de codes saisis pour ce numéro. Attendez {minutes} min avant d’en saisir un autre.",
		"Too many codes typed for this number. Wait {minutes} min before you enter another one.",
	},
}

// texts has every code that can reach a client: what happened, and what to do.
var texts = map[engine.Code]text{
	// The envelope.
	codeUnauthenticated: {
		"Accès refusé : clé d’API ou jeton absent, inconnu ou expiré. Reconnectez-vous.",
		"Access denied: the API key or token is missing, unknown or expired. Sign in again.",
	},
	codeScopeMissing: {
		"Cette clé d’API n’a pas le droit de faire cela.",
		"This API key may not do that.",
	},
	engine.CodeNotAllowed: {
		"Votre rôle ne permet pas cette opération.",
		"Your role does not allow this.",
	},
	codeTermsNotSigned: {
		"Ce paiement n’a pas été préparé par l’application. Revenez à la réservation et réessayez.",
		"The app has not prepared this payment. Go back to the booking and try again.",
	},
	codePayerMismatch: {
		"On ne peut payer que pour soi-même.",
		"You can only pay for yourself.",
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
	codeCardNumberSent: {
		"Un numéro de carte ne s’envoie jamais ici : il se saisit sur la page sécurisée du prestataire de paiement.",
		"A card number is never sent here: it is typed on the payment provider's own secure page.",
	},
	codeSourceUnknown: {
		"Cette notification ne vient pas d’une adresse du prestataire de paiement.",
		"This notification does not come from an address of the payment provider.",
	},
	codeRateLimited: {
		"Trop de demandes en peu de temps. Patientez un instant, puis réessayez.",
		"Too many requests in a short time. Wait a moment, then try again.",
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
	engine.CodePromptOpen: {
		"Une demande du même montant attend déjà sur ce téléphone. Répondez-y d’abord.",
		"A request for the same amount is already waiting on this phone. Answer it first.",
	},
	engine.CodePaymentCancelled: {
		"Paiement annulé. Si vous le validez quand même, vous serez remboursé.",
		"Payment cancelled. If you approve it all the same, you will be refunded.",
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
	codeTooManyAtOnce: {
		"Trop de demandes en cours à la fois. Attendez la fin de l’une d’elles.",
		"Too many requests at once. Wait until one of them is over.",
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
	engine.CodeOperatorDown: {
		"L’opérateur est en panne en ce moment. Choisissez-en un autre, ou réessayez plus tard.",
		"The operator is out of order at the moment. Choose another one, or try again later.",
	},
	engine.CodeOperatorFailed: {
		"L’opérateur n’a pas pu traiter le paiement. Vous n’avez pas été débité. Réessayez, ou choisissez un autre opérateur.",
		"The operator could not handle the payment. You have not been charged. Try again, or choose another operator.",
	},
	engine.CodeGatewaysResting: {
		"Le service de paiement est injoignable en ce moment. Vous n’avez pas été débité. Réessayez dans quelques minutes.",
		"The payment service can’t be reached at the moment. You have not been charged. Try again in a few minutes.",
	},
	engine.CodeRefundMismatch: {
		"Votre remboursement est en cours de vérification par notre équipe.",
		"Our team is checking your refund.",
	},
	engine.CodeRefundReturned: {
		"Votre remboursement est en cours de vérification : votre banque l’a peut-être renvoyé.",
		"We are checking your refund: your bank may have sent it back.",
	},
	engine.CodeRefundAttention: {
		"Votre remboursement est en cours : notre équipe complète la demande.",
		"Your refund is under way: our team is completing the request.",
	},
	engine.CodeUnsupported: {
		"Cette opération n’est pas possible avec cet opérateur.",
		"This operator can’t do that.",
	},
}
