package bench

import "errors"

// Page is the report as one HTML page.
func (r *Report) Page() ([]byte, error) { return nil, errors.New("not there yet") }
