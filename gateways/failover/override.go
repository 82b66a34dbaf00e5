package failover

import (
	"errors"
	"fmt"
	"time"

	"github.com/bookmi/cauri/engine"
)

// Override is a person's decision, which stands above the breaker's own until
// it is taken back or its time is over.
type Override struct {
	State State // Open or Closed; empty takes it back
	Who   string
	Why   string
	At    time.Time // when it was decided; zero when nobody noted it
	Until time.Time
}

// NamedOverride is an Override of one breaker: a row of the table that every
// node reads.
type NamedOverride struct {
	Gateway engine.Gateway
	Class   Class
	Override
}

// Force makes a person's decision stand above this breaker's, in this process,
// until its time is over or Apply says otherwise; the zero State takes it back.
// Whoever calls it writes the audit row. One that nobody answers for, or that
// does not end, is Invalid.
func (b *Breaker) Force(o Override) error {
	if err := o.validate(); err != nil {
		return err
	}
	switch {
	case o.State == "":
		b.forced.Store(nil)
	case !o.Until.After(time.Now()):
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "until when is it forced?")
	default:
		b.forced.Store(&o)
	}
	return nil
}

func (o Override) validate() error {
	switch {
	case o.State == "":
		return nil
	case o.State != Open && o.State != Closed:
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "a breaker is forced open or closed, not %q", o.State)
	case o.Who == "" || o.Why == "":
		return engine.Errorf(engine.Invalid, engine.CodeInternal, "who forces a breaker, and why?")
	}
	return nil
}

// override is the one in force, if any.
func (b *Breaker) override() *Override {
	o := b.forced.Load()
	if o == nil || !o.Until.After(time.Now()) {
		return nil
	}
	return o
}

// Apply makes exactly these decisions stand and lifts every other, so that doing
// it again changes nothing and a row that is gone ends everywhere. One whose time
// is over by this machine's clock is as good as lifted. A row that makes no sense
// is Invalid and skipped: the others stand all the same, and its own breaker
// judges by itself.
func (bs *Breakers) Apply(overrides []NamedOverride) error {
	bs.applying.Lock() // two lists must not be mixed
	defer bs.applying.Unlock()
	var wrong []error
	standing := map[*Breaker]*Override{}
	for _, o := range overrides {
		err := o.validate()
		if err == nil && !o.Class.Known() {
			err = engine.Errorf(engine.Invalid, engine.CodeInternal, "there is no class %q", o.Class)
		}
		switch {
		case err != nil:
			wrong = append(wrong, fmt.Errorf("override of %s.%s: %w", o.Gateway, o.Class, err))
		case o.State != "":
			standing[bs.Of(o.Gateway, o.Class)] = &o.Override
		}
	}
	for _, b := range bs.list() {
		b.forced.Store(standing[b])
	}
	return errors.Join(wrong...)
}
