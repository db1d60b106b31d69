package pep440

// A bound is a point between versions: just before a version, or just after it and before its locals.
//
// Every point that a specifier needs has exactly one such form, so that equal sets have equal bounds. Between 1.0+local
// and 1.0.post0.dev0 lies no version, hence "after 1.0 and its locals" is "before 1.0.post0.dev0". After 1.0 and all its
// post-releases comes no least version (1.0.0.1 > 1.0.0.0.1 > …); that point is before a post-release with an infinite
// number. The lowest point of all is before 0.dev0, and sets express it without a bound.
type bound struct {
	at    Version
	after bool
}

func (a bound) compare(b bound) int {
	switch c := a.at.Compare(b.at); {
	case c != 0:
		return c
	case a.after == b.after:
		return 0
	case b.after:
		return -1
	}
	return +1
}

// below reports whether the bound lies below v.
func (a bound) below(v Version) bool {
	c := v.Compare(a.at)
	return c > 0 || c == 0 && !a.after
}

func before(v Version) bound { return bound{at: v} }
func after(v Version) bound  { return bound{at: v, after: true} }

// isLowest reports whether no version lies below the bound.
func (a bound) isLowest() bool { return a.at.key == 0 && a.at.long == nil && !a.after }

// afterLocals is the point after v's public version and all its locals.
func afterLocals(v Version) bound {
	var release releaseBuffer
	p := v.parts(&release)
	switch {
	case p.hasDev:
		p.dev = p.dev.next()
	case p.hasPost:
		p.post = p.post.next()
		p.hasDev = true
	default:
		p.hasPost, p.hasDev = true, true
	}
	p.local = nil
	return before(p.version())
}

// afterPosts is the point after v and all its post-releases. v has neither .postN nor .devN.
func afterPosts(v Version) bound {
	var release releaseBuffer
	p := v.parts(&release)
	if p.phase == phaseNone {
		p.hasPost, p.post = true, number{big: infinite}
	} else {
		p.pre = p.pre.next()
		p.hasDev = true
	}
	p.local = nil
	return before(p.version())
}

// isAfterPosts reports whether the bound is after a final release and all its post-releases.
func (a bound) isAfterPosts() bool { return a.at.long != nil && a.at.long.post.big == infinite }

// beforeRelease is the point before everything of the release of v cut to n segments, with its last one raised by step.
func beforeRelease(v Version, n int, step bool) bound {
	var release releaseBuffer
	p := v.parts(&release)
	q := parts{epoch: p.epoch, release: append([]number(nil), p.release[:n]...), phase: phaseNone, hasDev: true}
	if step {
		q.release[n-1] = q.release[n-1].next()
	}
	return before(q.version())
}
