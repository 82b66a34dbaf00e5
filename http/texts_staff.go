package http

import (
	"maps"

	"github.com/bookmi/cauri/engine"
)

func init() { maps.Copy(texts, staffTexts) }

// staffTexts are those only people who work for us meet.
var staffTexts = map[engine.Code]text{
	engine.CodeNothingToDo: {
		"Il n’y a rien à faire : c’est déjà ainsi.",
		"There is nothing to do: it is so already.",
	},
	engine.CodeReviewChanged: {
		"Le doute a changé depuis. Regardez à nouveau avant de conclure.",
		"What is doubted has changed since. Look again before you conclude.",
	},
	engine.CodeInSuspense: {
		"Cet argent est en suspens. Dites d’abord à qui il est : le rendre au client, ou le garder comme prix.",
		"This money is in suspense. Say first whose it is: return it to the payer, or keep it as the price.",
	},
	engine.CodeSuspenseNotKept: {
		"Cet argent ne peut pas être gardé comme prix. Il revient au client.",
		"This money can’t be kept as the price. It is the payer’s.",
	},
	engine.CodeTooSoon: {
		"C’est trop tôt : le dernier envoi peut encore aboutir. Réessayez dans une heure.",
		"It is too soon: the last call may still have its effect. Try again in an hour.",
	},
	engine.CodeConcludedByStaff: {
		"Notre équipe a vérifié ce versement auprès de la passerelle.",
		"Our team has checked this payout at the gateway.",
	},
	engine.CodeProposalUnknown: {
		"Cette proposition n’existe pas.",
		"There is no such proposal.",
	},
	engine.CodeProposalOver: {
		"Cette proposition n’est plus ouverte. Faites-en une nouvelle.",
		"This proposal is no longer open. Make a new one.",
	},
	engine.CodeSamePerson: {
		"Il faut deux personnes : un autre membre de l’équipe doit approuver.",
		"It takes two persons: another member of the team must approve.",
	},
	engine.CodeDailyLimit: {
		"Votre plafond d’approbation du jour est atteint.",
		"You have reached what you may approve in a day.",
	},
	engine.CodeStaffUnknown: {
		"Cette personne ne fait pas partie de l’équipe.",
		"Nobody of that name works for us.",
	},
	engine.CodeKeyUnknown: {
		"Cette clé n’existe pas ou ne fonctionne plus.",
		"There is no such key, or it works no longer.",
	},
}
