package masks

// space goes over white space.
func (r *reader) space() {
	for r.at < len(r.data) {
		switch r.data[r.at] {
		case ' ', '\t', '\n', '\r':
			r.at++
		default:
			return
		}
	}
}

// next goes over white space and a byte, where that comes next.
func (r *reader) next(c byte) bool {
	r.space()
	return r.one(c)
}

// one goes over a byte, where that comes next.
func (r *reader) one(c byte) bool {
	found := r.at < len(r.data) && r.data[r.at] == c
	if found {
		r.at++
	}
	return found
}

// word goes over a word.
func (r *reader) word(w string) bool {
	rest := r.data[r.at:]
	found := len(rest) >= len(w) && string(rest[:len(w)]) == w
	if found {
		r.at += len(w)
	}
	return found
}

// text goes over a string.
func (r *reader) text() bool {
	if !r.one('"') {
		return false
	}
	for r.at < len(r.data) {
		c := r.data[r.at]
		r.at++
		switch {
		case c == '"':
			return true
		case c < ' ', c == '\\' && !r.escape():
			return false
		}
	}
	return false
}

// escape goes over what follows a backslash.
func (r *reader) escape() bool {
	if r.at == len(r.data) {
		return false
	}
	c := r.data[r.at]
	r.at++
	switch c {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return true
	case 'u':
		for range len("0000") {
			if r.at == len(r.data) || !isHex(r.data[r.at]) {
				return false
			}
			r.at++
		}
		return true
	default:
		return false
	}
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}

// scalar goes over a number, true, false or null.
func (r *reader) scalar() bool {
	switch r.data[r.at] {
	case 't':
		return r.word("true")
	case 'f':
		return r.word("false")
	case 'n':
		return r.word("null")
	default:
		return r.number()
	}
}

// number goes over a number.
func (r *reader) number() bool {
	r.one('-')
	if !r.one('0') && !r.digits() {
		return false
	}
	if r.one('.') && !r.digits() {
		return false
	}
	if !r.one('e') && !r.one('E') {
		return true
	}
	if !r.one('+') {
		r.one('-')
	}
	return r.digits()
}

// digits goes over digits, at least one.
func (r *reader) digits() bool {
	from := r.at
	for r.at < len(r.data) && r.data[r.at] >= '0' && r.data[r.at] <= '9' {
		r.at++
	}
	return r.at > from
}
