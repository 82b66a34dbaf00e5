package actors

// line is a doubly linked list whose links are in the children themselves: an element
// of its own would cost each live actor 48 bytes more. A child is in at most one line.
type line struct {
	first, last *child
	length      int
}

func (l *line) pushFront(k *child) {
	k.in, k.before, k.after = l, nil, l.first
	if l.first != nil {
		l.first.before = k
	} else {
		l.last = k
	}
	l.first = k
	l.length++
}

func (l *line) pushBack(k *child) {
	k.in, k.before, k.after = l, l.last, nil
	if l.last != nil {
		l.last.after = k
	} else {
		l.first = k
	}
	l.last = k
	l.length++
}

// leaveLine takes the child out of the line it is in, if it is in one.
func (k *child) leaveLine() {
	l := k.in
	if l == nil {
		return
	}
	if k.before != nil {
		k.before.after = k.after
	} else {
		l.first = k.after
	}
	if k.after != nil {
		k.after.before = k.before
	} else {
		l.last = k.before
	}
	k.in, k.before, k.after = nil, nil, nil
	l.length--
}
