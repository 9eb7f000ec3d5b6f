package audit

// Times returns the payload as one that stands for n.
func (p ConnectionRefuse) Times(n int) any { p.Count = n; return p }

// Times returns the payload as one that stands for n.
func (p SigninRefuse) Times(n int) any { p.Count = n; return p }

// Times returns the payload as one that stands for n.
func (p SubscriptionDeny) Times(n int) any { p.Count = n; return p }

// Times returns the payload as one that stands for n.
func (p PublishDeny) Times(n int) any { p.Count = n; return p }

// Times returns the payload as one that stands for n.
func (p KeyRefuse) Times(n int) any { p.Count = n; return p }

// Times returns the payload as one that stands for n.
func (p AdminDenied) Times(n int) any { p.Count = n; return p }

// Times returns the payload as one that stands for n.
func (p AuditRefuse) Times(n int) any { p.Count = n; return p }
