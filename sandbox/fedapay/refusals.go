package fedapay

import "github.com/bookmi/cauri/sandbox"

type (
	request = sandbox.Request
	answer  = sandbox.Answer
)

// refusal is the body of every answer that is not a success: a text for people,
// in French here, and what is wrong with each field. FedaPay has no machine
// codes; a client that reads the text is wrong.
type refusal struct {
	Message string              `json:"message"`
	Errors  map[string][]string `json:"errors,omitempty"`
}

func refuse(code int, message string) answer {
	return answer{Code: code, Body: refusal{Message: message}}
}

// notAllowed is "Opération non autorisée", with errors {} as it was seen.
func notAllowed(code int) answer {
	return answer{Code: code, Body: struct {
		Message string   `json:"message"`
		Errors  struct{} `json:"errors"`
	}{Message: "Opération non autorisée"}}
}

// invalid is a validation error about one field; its HTTP code is one of the
// Guesses.
func (s *Server) invalid(field, why string) answer {
	return answer{Code: s.cfg.Guesses.InvalidCode, Body: refusal{
		Message: "Paramètres invalides", Errors: map[string][]string{field: {field + " " + why}},
	}}
}

// duplicate is a merchant_reference used before; its HTTP code is one of the
// Guesses.
func (s *Server) duplicate() answer {
	a := s.invalid("merchant_reference", "already taken")
	a.Code = s.cfg.Guesses.DuplicateCode
	return a
}

// Answers that need no argument. Codes other than 400 for a mode and 404 for an
// id or a path are assumed, and every text but one is ours.
var (
	errKey      = refuse(401, "Clé d'API invalide")
	errMode     = notAllowed(400)
	errNotFound = refuse(404, "Ressource introuvable")
	errNoPath   = refuse(404, "Page introuvable")
	errState    = refuse(400, "L'état de l'objet ne permet pas cette opération")
	errBalance  = refuse(400, "Solde insuffisant")
	errServer   = refuse(500, "Une erreur est survenue")
	errFull     = refuse(500, "Les livres du sandbox sont pleins")
	errRate     = refuse(429, "Trop de requêtes")
	// A payout without a mode was answered 500 and nothing else.
	errNoMode = answer{Code: 500, Body: struct{}{}}
)
