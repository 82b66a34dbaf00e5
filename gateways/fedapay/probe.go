package fedapay

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/bookmi/cauri/engine/phone"
)

// Probe asks something cheap that needs our key and moves no money: nil when
// FedaPay is there and takes us.
func (c *Client) Probe(ctx context.Context) error {
	if _, failure := c.list(ctx); failure != nil {
		return failure
	}
	return nil
}

// Offers compares what FedaPay knows with what we are configured to use, and says
// in words what is missing. That list is what FedaPay knows, no proof that the
// account may use it: a mode it lacks is certain to be refused.
func (c *Client) Offers(ctx context.Context) (missing []string, err error) {
	listed, failure := c.list(ctx)
	if failure != nil {
		return nil, failure
	}
	i := slices.IndexFunc(listed, func(one currency) bool { return one.ISO == "XOF" })
	if i < 0 {
		return []string{"FedaPay does not list XOF: nobody can be charged"}, nil
	}
	if len(listed[i].Modes) == 0 {
		return nil, nil // it tells no modes: nothing to compare
	}
	for _, operator := range slices.SortedFunc(maps.Keys(c.config.Modes), func(a, b phone.Operator) int {
		return slices.Index(phone.Operators, a) - slices.Index(phone.Operators, b)
	}) {
		if mode := c.config.Modes[operator]; !slices.Contains(listed[i].Modes, mode) {
			missing = append(missing, fmt.Sprintf("FedaPay does not list the mode %s: charges of %s will be refused", mode, operator.Name()))
		}
	}
	return missing, nil
}
