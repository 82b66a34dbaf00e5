package fedapay

import "strconv"

// Pages have 25 rows unless asked otherwise (FedaPay SDK); the upper bound is
// ours.
const (
	perPageDefault = 25
	perPageMax     = 100
)

// pageMeta ends every list.
type pageMeta struct {
	Current int  `json:"current_page"`
	Next    *int `json:"next_page"`
	Prev    *int `json:"prev_page"`
	PerPage int  `json:"per_page"`
	Pages   int  `json:"total_pages"`
	Total   int  `json:"total_count"`
}

// list answers with the page asked for of the rows that fit, newest first. An
// odd number of a page is the first one: no refusal is documented.
func list[R, S any](r *request, kind string, rows []R, fits func(R) bool, shape func(R) S) answer {
	number := func(name string, otherwise, most int) int {
		n, err := strconv.Atoi(r.Query.Get(name))
		if err != nil || n < 1 {
			return otherwise
		}
		return min(n, most)
	}
	page, perPage := number("page", 1, rowsMax), number("per_page", perPageDefault, perPageMax)
	shown, total, skip := []S{}, 0, (page-1)*perPage
	for i := len(rows) - 1; i >= 0; i-- {
		if !fits(rows[i]) {
			continue
		}
		if total++; total > skip && len(shown) < perPage {
			shown = append(shown, shape(rows[i]))
		}
	}
	meta := pageMeta{Current: page, PerPage: perPage, Pages: max(1, (total+perPage-1)/perPage), Total: total}
	if page < meta.Pages {
		next := page + 1
		meta.Next = &next
	}
	if page > 1 {
		prev := page - 1
		meta.Prev = &prev
	}
	return answer{Code: 200, Body: map[string]any{kind: shown, "meta": meta}}
}
