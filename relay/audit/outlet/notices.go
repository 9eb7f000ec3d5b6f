package outlet

import (
	"errors"
	"log/slog"
)

// notices is what the log says about a target: what changed, and never twice the same.
type notices struct {
	log *slog.Logger

	last string // why it failed; empty while it does not
	lost int64  // the last record that was purged before it was sent
}

func newNotices(log *slog.Logger, target Target) notices {
	return notices{log: log.With("outlet", target.String())}
}

// failed says why something failed, if it is not what failed before.
func (n *notices) failed(err error) {
	why := reason(err)
	if why == n.last {
		return
	}
	n.last = why
	var source sourceError
	if errors.As(err, &source) {
		n.log.Error("audit records for an outlet cannot be read, trying again", "error", err)
		return
	}
	n.log.Error("an outlet does not take audit records, trying again", "reason", why)
}

// well says that what failed before does not any more.
func (n *notices) well() {
	if n.last != "" {
		n.last = ""
		n.log.Info("an outlet takes audit records again")
	}
}

// purged says that records from first to last were purged before they were sent.
func (n *notices) purged(first, last int64) {
	if last > n.lost {
		n.lost = last
		n.log.Error("audit records were purged before an outlet had them", "first", first, "last", last)
	}
}

// shortened says that an outlet has records that the chain does not have any more.
func (n *notices) shortened(has, last int64) {
	n.log.Error("an audit chain is shorter than what an outlet has of it: it was cut, or is another one", "outlet_has", has, "last", last)
}

// left says that not all was sent before the end.
func (n *notices) left() {
	n.log.Warn("an outlet does not have all audit records yet, it gets them after the next start")
}
