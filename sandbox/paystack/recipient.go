package paystack

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"
)

// bankCodes are the operators Paystack serves in Côte d'Ivoire, by their name
// in a charge. Moov is not among them.
var bankCodes = map[string]string{"orange": "ORANGE_CI", "mtn": "MTN_CI", "wave": "WAVE_CI"}

// bank is one of GET /bank.
type bank struct {
	Name     string `json:"name"`
	Slug     string `json:"slug"`
	Code     string `json:"code"`
	Longcode string `json:"longcode"`
	Gateway  any    `json:"gateway"`
	PayWith  bool   `json:"pay_with_bank"`
	Active   bool   `json:"active"`
	Deleted  bool   `json:"is_deleted"`
	Country  string `json:"country"`
	Currency string `json:"currency"`
	Type     string `json:"type"`
	ID       int    `json:"id"`
	Created  stamp  `json:"createdAt"`
	Updated  stamp  `json:"updatedAt"`
}

var banksSince = stamp(time.Date(2023, 1, 1, 0, 0, 0, 0, time.UTC))

// banks are the wallets of Côte d'Ivoire. The codes are confirmed by several
// sources; slug, id and the country's spelling are not.
var banks = []bank{
	walletBank(1001, "Wave Côte d'Ivoire", "wave-ci", "WAVE_CI"),
	walletBank(1002, "MTN Côte d'Ivoire", "mtn-ci", "MTN_CI"),
	walletBank(1003, "Orange Côte d'Ivoire", "orange-ci", "ORANGE_CI"),
}

func walletBank(id int, name, slug, code string) bank {
	return bank{
		Name: name, Slug: slug, Code: code, Active: true, Country: "Cote D'Ivoire", Currency: currency,
		Type: channelMobileMoney, ID: id, Created: banksSince, Updated: banksSince,
	}
}

func bankByCode(code string) (bank, bool) {
	i := slices.IndexFunc(banks, func(b bank) bool { return b.Code == code })
	if i < 0 {
		return bank{}, false
	}
	return banks[i], true
}

// listBanks is GET /bank?currency=XOF&type=mobile_money. Other currencies have
// no bank here.
func (s *Server) listBanks(r *request) answer {
	listed := []bank{}
	for _, b := range banks {
		if fits(r.query.Get("currency"), b.Currency) && fits(r.query.Get("type"), b.Type) {
			listed = append(listed, b)
		}
	}
	return ok("Banks retrieved", listed)
}

// balance is GET /balance.
func (s *Server) balance(r *request) answer {
	return s.read(func(time.Time) answer {
		return ok("Balances retrieved", []struct {
			Currency string `json:"currency"`
			Balance  int64  `json:"balance"`
		}{{currency, s.accounts[r.domain].Balance()}})
	})
}

// details are a recipient's account; a fetched recipient shows fewer.
type details struct {
	Account string `json:"account_number"`
	Name    any    `json:"account_name"`
	Code    string `json:"bank_code"`
	Bank    string `json:"bank_name"`
}

type fullDetails struct {
	Authorization any `json:"authorization_code"`
	details
}

// createdRecipient answers POST /transferrecipient.
type createdRecipient struct {
	Active      bool        `json:"active"`
	Created     stamp       `json:"createdAt"`
	Currency    string      `json:"currency"`
	Domain      string      `json:"domain"`
	ID          uint64      `json:"id"`
	Integration int         `json:"integration"`
	Name        string      `json:"name"`
	Code        string      `json:"recipient_code"`
	Type        string      `json:"type"`
	Updated     stamp       `json:"updatedAt"`
	Deleted     bool        `json:"is_deleted"`
	DeletedTwin bool        `json:"isDeleted"`
	Details     fullDetails `json:"details"`
}

// fetchedRecipient answers GET /transferrecipient/:id_or_code.
type fetchedRecipient struct {
	Domain   string          `json:"domain"`
	Type     string          `json:"type"`
	Currency string          `json:"currency"`
	Name     string          `json:"name"`
	Details  details         `json:"details"`
	Metadata json.RawMessage `json:"metadata"`
	Code     string          `json:"recipient_code"`
	Active   bool            `json:"active"`
	ID       uint64          `json:"id"`
	Created  stamp           `json:"createdAt"`
	Updated  stamp           `json:"updatedAt"`
}

func detailsOf(row *recipient) details {
	b, _ := bankByCode(row.BankCode)
	return details{Account: row.Account, Code: row.BankCode, Bank: b.Name}
}

// createRecipient is POST /transferrecipient. The same account again returns
// the record there is (Paystack docs, Transfer Recipient).
func (s *Server) createRecipient(r *request) answer {
	var body struct {
		Type     string          `json:"type"`
		Name     string          `json:"name"`
		Account  string          `json:"account_number"`
		BankCode string          `json:"bank_code"`
		Currency string          `json:"currency"`
		Metadata json.RawMessage `json:"metadata"`
	}
	if json.Unmarshal(r.body, &body) != nil {
		return errBody
	}
	_, known := bankByCode(body.BankCode)
	switch {
	case body.Type != channelMobileMoney:
		return invalidParams("Recipient type is invalid: this sandbox pays mobile money only")
	case body.Name == "":
		return missingParams("Name is required")
	case body.Account == "" || body.BankCode == "":
		return missingParams("Account number and bank code are required")
	case !known:
		return errBankCode
	case body.Currency != currency:
		return errCurrency
	case !nationalPhone.MatchString(body.Account):
		return invalidParams("Account number is invalid")
	}
	return s.update(func(c *change) answer {
		row, found := c.recipients.find(accountKey(r.domain, body.BankCode, body.Account))
		if !found {
			if len(c.recipients.rows) >= rowsMax {
				return errFull
			}
			row = &recipient{
				ID: c.id(), Domain: r.domain, Name: body.Name, Account: body.Account, BankCode: body.BankCode,
				Metadata: bytes.Clone(body.Metadata), CreatedAt: c.now,
			}
			row.Code = "RCP_" + s.code("recipient", row.ID)
			c.recipients.put(row)
			c.entry.Recipients = append(c.entry.Recipients, row)
		}
		a := ok("Transfer recipient created successfully", createdRecipient{
			Active: true, Created: stamp(row.CreatedAt), Currency: currency, Domain: row.Domain, ID: row.ID,
			Integration: integrationID, Name: row.Name, Code: row.Code, Type: channelMobileMoney,
			Updated: stamp(row.CreatedAt), Details: fullDetails{details: detailsOf(row)},
		})
		a.code = s.cfg.Guesses.RecipientCode
		return a
	})
}

// fetchRecipient is GET /transferrecipient/:id_or_code.
func (s *Server) fetchRecipient(r *request) answer {
	return s.read(func(time.Time) answer {
		row, found := s.recipients.find("code:" + r.domain + ":" + r.arg)
		if !found {
			row, found = s.recipients.find("id:" + r.domain + ":" + r.arg)
		}
		if !found {
			return refuse(404, "Transfer recipient not found")
		}
		return ok("Recipient retrieved", fetchedRecipient{
			Domain: row.Domain, Type: channelMobileMoney, Currency: currency, Name: row.Name, Details: detailsOf(row),
			Metadata: metadataOrNull(row.Metadata), Code: row.Code, Active: true, ID: row.ID,
			Created: stamp(row.CreatedAt), Updated: stamp(row.CreatedAt),
		})
	})
}

func metadataOrNull(m json.RawMessage) json.RawMessage {
	if len(m) == 0 {
		return json.RawMessage("null")
	}
	return m
}

// recipientFor finds who a transfer goes to, by code.
func (s *Server) recipientFor(domain, code string) (*recipient, bool) {
	return s.recipients.find("code:" + domain + ":" + code)
}
