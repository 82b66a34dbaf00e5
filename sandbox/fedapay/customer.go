package fedapay

import (
	"encoding/json"
	"net/mail"
	"regexp"
	"strings"
	"time"
)

// phoneNumber is a phone as FedaPay takes it. Countries come in both cases.
type phoneNumber struct {
	Number  string `json:"number"`
	Country string `json:"country"`
}

// callingCodes are those of the countries FedaPay serves.
var callingCodes = map[string]string{
	"ci": "225", "bj": "229", "tg": "228", "sn": "221", "ne": "227", "ml": "223", "bf": "226", "gn": "224",
}

var phoneDigits = regexp.MustCompile(`^\+?[0-9]{8,15}$`)

// digits is the number as results have it: with the country's code, no plus.
func (p phoneNumber) digits() string {
	bare, international := strings.CutPrefix(p.Number, "+")
	code := callingCodes[strings.ToLower(p.Country)]
	if international || strings.HasPrefix(bare, code) && len(bare) > nationalDigits {
		return bare
	}
	return code + bare
}

// National numbers of Côte d'Ivoire and Benin have ten digits.
const nationalDigits = 10

func (p phoneNumber) national() bool { return len(p.Number) == nationalDigits && p.Number[0] == '0' }

// customerBody is a customer in requests: a new one, or the id or e-mail of one
// there is.
type customerBody struct {
	ID    json.Number  `json:"id"`
	First string       `json:"firstname"`
	Last  string       `json:"lastname"`
	Email string       `json:"email"`
	Phone *phoneNumber `json:"phone_number"`
}

// customerShape is a customer in answers.
type customerShape struct {
	Klass     string  `json:"klass"`
	ID        uint64  `json:"id"`
	First     string  `json:"firstname"`
	Last      string  `json:"lastname"`
	Full      string  `json:"full_name"`
	Email     text    `json:"email"`
	AccountID int     `json:"account_id"`
	PhoneID   *uint64 `json:"phone_number_id"`
	CreatedAt stamp   `json:"created_at"`
	UpdatedAt stamp   `json:"updated_at"`
	DeletedAt stamp   `json:"deleted_at"`
}

func customerShapeOf(c *customer) customerShape {
	return customerShape{
		Klass: "v1/customer", ID: c.ID, First: c.First, Last: c.Last, Full: c.First + " " + c.Last, Email: text(c.Email),
		AccountID: accountID, PhoneID: some(c.PhoneID != 0, c.PhoneID),
		CreatedAt: stamp(c.CreatedAt), UpdatedAt: stamp(c.UpdatedAt), DeletedAt: stamp(c.DeletedAt),
	}
}

// unknown is who pays when nobody was named.
const unknown = "Unknown"

// customerFor finds, makes or overwrites the customer of a request. A refused
// request leaves no customer behind: what can be wrong with the rest of it is
// checked before.
func (c *change) customerFor(domain string, body *customerBody) (*customer, *answer) {
	if body == nil {
		body = &customerBody{First: unknown, Last: unknown}
	}
	if body.ID != "" {
		row, found := c.customers.Find("id:" + domain + ":" + body.ID.String())
		if !found || !row.DeletedAt.IsZero() {
			return nil, &errNotFound
		}
		return row, nil
	}
	row, found := c.customers.Find("email:" + domain + ":" + body.Email)
	found = found && body.Email != "" && row.DeletedAt.IsZero()
	if refused := c.checkCustomer(body, found); refused != nil {
		return nil, refused
	}
	if !found {
		if len(c.customers.Rows) >= rowsMax {
			return nil, &errFull
		}
		row = &customer{ID: c.id(customerKind), Domain: domain, CreatedAt: c.now}
	}
	c.overwrite(row, body)
	c.saveCustomer(row)
	return row, nil
}

// checkCustomer says what is wrong with a customer. One that exists may be
// named by its e-mail alone; an e-mail is not needed otherwise, whatever the
// documentation says.
func (s *Server) checkCustomer(body *customerBody, exists bool) *answer {
	no := func(field, why string) *answer { a := s.invalid(field, why); return &a }
	address, err := mail.ParseAddress(body.Email)
	switch {
	case body.Email != "" && (err != nil || address.Address != body.Email):
		return no("email", "is invalid")
	case body.First == "" && !exists:
		return no("firstname", "field required")
	case body.Last == "" && !exists:
		return no("lastname", "field required")
	case body.Phone != nil && !phoneDigits.MatchString(body.Phone.Number):
		return no("phone_number", "is invalid")
	case body.Phone != nil && callingCodes[strings.ToLower(body.Phone.Country)] == "":
		return no("country", "is invalid")
	}
	return nil
}

// overwrite takes over what a request says of a customer.
func (c *change) overwrite(row *customer, body *customerBody) {
	row.First, row.Last, row.Email = or(body.First, row.First), or(body.Last, row.Last), or(body.Email, row.Email)
	if body.Phone != nil {
		row.Phone, row.Country, row.PhoneID = body.Phone.Number, strings.ToLower(body.Phone.Country), c.id(phoneKind)
	}
}

// createCustomer is POST /v1/customers.
func (s *Server) createCustomer(r *request) answer {
	var body customerBody
	if json.Unmarshal(r.Body, &body) != nil || body.ID != "" {
		return s.invalid("body", "is invalid")
	}
	return s.update(func(c *change) answer {
		before := c.lastIDs[customerKind]
		row, refused := c.customerFor(r.Domain, &body)
		if refused != nil {
			return *refused
		}
		name := "customer.updated"
		if c.lastIDs[customerKind] != before {
			name = "customer.created"
		}
		c.notifyCustomer(name, row)
		a := wrapped("v1/customer", customerShapeOf(row))
		a.Code = s.cfg.Guesses.CreatedCode
		return a
	})
}

func (c *change) notifyCustomer(name string, row *customer) {
	shape := customerShapeOf(row)
	c.notify(notice{domain: row.Domain, name: name, object: "customer", id: row.ID, reference: row.Email, plain: shape, full: shape})
}

// customerAt finds one that was not deleted.
func (s *Server) customerAt(r *request) (*customer, bool) {
	row, found := s.customers.Find("id:" + r.Domain + ":" + r.Arg)
	return row, found && row.DeletedAt.IsZero()
}

// fetchCustomer is GET /v1/customers/{id}.
func (s *Server) fetchCustomer(r *request) answer {
	return s.read(func(time.Time) answer {
		row, found := s.customerAt(r)
		if !found {
			return errNotFound
		}
		return wrapped("v1/customer", customerShapeOf(row))
	})
}

// listCustomers is GET /v1/customers.
func (s *Server) listCustomers(r *request) answer {
	return s.read(func(time.Time) answer {
		return list(r, "v1/customers", s.customers.Rows, func(row *customer) bool {
			return row.Domain == r.Domain && row.DeletedAt.IsZero()
		}, customerShapeOf)
	})
}

// updateCustomer is PUT /v1/customers/{id}.
func (s *Server) updateCustomer(r *request) answer {
	var body customerBody
	if json.Unmarshal(r.Body, &body) != nil {
		return s.invalid("body", "is invalid")
	}
	return s.update(func(c *change) answer {
		row, found := c.customerAt(r)
		if !found {
			return errNotFound
		}
		if refused := c.checkCustomer(&body, true); refused != nil {
			return *refused
		}
		c.overwrite(row, &body)
		c.saveCustomer(row)
		c.notifyCustomer("customer.updated", row)
		return wrapped("v1/customer", customerShapeOf(row))
	})
}

// deleteCustomer is DELETE /v1/customers/{id}.
func (s *Server) deleteCustomer(r *request) answer {
	return s.update(func(c *change) answer {
		row, found := c.customerAt(r)
		if !found {
			return errNotFound
		}
		row.DeletedAt = c.now
		c.saveCustomer(row)
		c.notifyCustomer("customer.deleted", row)
		return s.deleted()
	})
}

// deleted answers a delete; its HTTP code is one of the Guesses.
func (s *Server) deleted() answer { return answer{Code: s.cfg.Guesses.DeletedCode, Body: struct{}{}} }
