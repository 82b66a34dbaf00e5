package lifecycle

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// StopWithin is how long a service may take to stop unless it says otherwise.
// Draining takes seconds; orchestrators kill 30 s after asking, so three services
// may overrun before that.
const StopWithin = 10 * time.Second

// Service is a named part of the program, given as its two methods:
//
//	lifecycle.Service{Name: "actors", Start: system.Start, Stop: system.Stop}
type Service struct {
	// Name says in errors which part it was.
	Name string
	// Start returns when the service does its work, or why it cannot, having
	// left nothing behind. ctx bounds the start, not the life. Nil when the
	// constructor has started it already.
	Start func(ctx context.Context) error
	// Stop returns when nothing of the service runs any more. When ctx ends it
	// gives up what it was finishing. Nil when there is nothing to stop.
	Stop func(ctx context.Context) error
	// StopWithin bounds Stop. 0 means the package's StopWithin.
	StopWithin time.Duration
}

// Group holds started services. Its zero value is empty and ready.
type Group struct {
	mu      sync.Mutex
	started []Service
}

// Start starts services one after another and adds them to the group. At the
// first error it stops the whole group, in reverse order, and returns that error
// with the name of its service. It may be called again as the program grows: a
// later service often needs what an earlier one only knows once it runs.
func (g *Group) Start(ctx context.Context, services ...Service) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, service := range services {
		err := ctx.Err()
		if err == nil && service.Start != nil {
			err = service.Start(ctx)
		}
		if err != nil {
			// The start may have failed because ctx ended; stopping needs its own time.
			stopped := g.stop(context.WithoutCancel(ctx))
			return errors.Join(fmt.Errorf("start %s: %w", service.Name, err), stopped)
		}
		g.started = append(g.started, service)
	}
	return nil
}

// Stop stops what was started, the latest first, and waits. Each service has its
// own time; ctx, when it ends, hurries them all, so give it one that is still
// alive. One that fails or overruns is named in the error, and the next is
// stopped all the same. Calling Stop again, or meanwhile, waits and is harmless.
func (g *Group) Stop(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.stop(ctx)
}

func (g *Group) stop(ctx context.Context) error {
	var failed []error
	for len(g.started) > 0 {
		last := len(g.started) - 1
		service := g.started[last]
		g.started = g.started[:last]
		if err := service.stop(ctx); err != nil {
			failed = append(failed, fmt.Errorf("stop %s: %w", service.Name, err))
		}
	}
	return errors.Join(failed...)
}

// afterDeadline is what a service has to notice that its time is up and return.
const afterDeadline = time.Second

// stop runs one Stop and stops waiting for it soon after its time: a service
// that ignores its context is left behind, and named, rather than waited for.
func (s Service) stop(ctx context.Context) error {
	if s.Stop == nil {
		return nil
	}
	within := s.StopWithin
	if within == 0 {
		within = StopWithin
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	stopped := make(chan error, 1) // room for the answer of one that nobody waits for any more
	go func() { stopped <- s.Stop(ctx) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	grace := time.NewTimer(afterDeadline)
	defer grace.Stop()
	select {
	case err := <-stopped:
		return err
	case <-grace.C:
		return fmt.Errorf("still running after its time: %w", ctx.Err())
	}
}
