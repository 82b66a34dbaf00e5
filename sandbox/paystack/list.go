package paystack

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Pages have 50 rows unless asked otherwise (Paystack docs, Pagination); the
// upper bound is documented for banks and assumed for the others.
const (
	perPageDefault = 50
	perPageMax     = 100
)

// page is which part of a list is wanted.
type page struct {
	perPage  int
	number   int    // from 1
	cursor   bool   // by id instead of by number
	below    uint64 // with a cursor: ids smaller than this; 0 means all
	from, to time.Time
}

// offsetMeta and cursorMeta end a list, as their samples do.
type offsetMeta struct {
	Total   int    `json:"total"`
	Volume  *int64 `json:"total_volume,omitempty"`
	Skipped int    `json:"skipped"`
	PerPage int    `json:"perPage"`
	Page    int    `json:"page"`
	Pages   int    `json:"pageCount"`
}

type cursorMeta struct {
	Next     *string `json:"next"`
	Previous any     `json:"previous"`
	PerPage  int     `json:"perPage"`
}

// metas is one of the two.
type metas struct {
	offset *offsetMeta
	cursor *cursorMeta
}

func (m metas) setVolume(volume int64) {
	if m.offset != nil {
		m.offset.Volume = &volume
	}
}

func list(message string, data any, meta metas) answer {
	e := envelope{Status: true, Message: message, Data: data, Meta: meta.offset}
	if meta.cursor != nil {
		e.Meta = meta.cursor
	}
	return answer{code: 200, body: e}
}

// cursorPrefix is what Paystack's own cursors decode to before the id.
const cursorPrefix = "undefined:"

// pageOf reads the query of a list.
func pageOf(r *request) (page, *answer) {
	p := page{perPage: perPageDefault, number: 1, cursor: r.query.Get("use_cursor") == "true"}
	no := func(name string) (page, *answer) {
		a := invalidParams(name + " is invalid")
		return page{}, &a
	}
	if asked := r.query.Get("perPage"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 {
			return no("perPage")
		}
		p.perPage = min(n, perPageMax)
	}
	if asked := r.query.Get("page"); asked != "" {
		n, err := strconv.Atoi(asked)
		if err != nil || n < 1 || n > rowsMax {
			return no("page")
		}
		p.number = n
	}
	if next := r.query.Get("next"); next != "" {
		decoded, err := base64.StdEncoding.DecodeString(next)
		if err == nil {
			p.below, err = strconv.ParseUint(strings.TrimPrefix(string(decoded), cursorPrefix), 10, 64)
		}
		if err != nil {
			return no("next")
		}
		p.cursor = true
	}
	var fromOK, toOK bool
	if p.from, fromOK = moment(r.query.Get("from"), 0); !fromOK {
		return no("from")
	}
	if p.to, toOK = moment(r.query.Get("to"), 24*time.Hour); !toOK {
		return no("to")
	}
	return p, nil
}

// moment reads a time or a day; a day as an end includes all of itself.
func moment(s string, day time.Duration) (time.Time, bool) {
	if s == "" {
		return time.Time{}, true
	}
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	t, err := time.Parse(time.DateOnly, s)
	return t.Add(day), err == nil
}

func (p page) within(at time.Time) bool {
	return !at.Before(p.from) && (p.to.IsZero() || at.Before(p.to))
}

// pick takes the page out of rows that are oldest first.
func pick[R any](p page, rows []R, about func(R) (id uint64, at time.Time, fits bool)) ([]R, metas) {
	var taken []R
	total, skip := 0, (p.number-1)*p.perPage
	var lastID uint64
	more := false
	for i := len(rows) - 1; i >= 0; i-- {
		id, at, fits := about(rows[i])
		if !fits || !p.within(at) || (p.cursor && p.below != 0 && id >= p.below) {
			continue
		}
		total++
		switch {
		case len(taken) == p.perPage:
			more = true
		case p.cursor || total > skip:
			taken = append(taken, rows[i])
			lastID = id
		}
	}
	if !p.cursor {
		return taken, metas{offset: &offsetMeta{
			Total: total, Skipped: min(skip, total), PerPage: p.perPage, Page: p.number,
			Pages: (total + p.perPage - 1) / p.perPage,
		}}
	}
	meta := &cursorMeta{PerPage: p.perPage}
	if more {
		next := base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s%d", cursorPrefix, lastID))
		meta.Next = &next
	}
	return taken, metas{cursor: meta}
}

// fits reports that a filter is absent or met.
func fits(filter, value string) bool { return filter == "" || filter == value }

func decimal(n int64) string { return strconv.FormatInt(n, 10) }
