package metrics

import "github.com/prometheus/client_golang/prometheus"

// Audit is what is counted of the audit trail; where there is none all stays 0.
type Audit struct {
	// AuditCommitted counts the records that the database took from this node's trail, and
	// AuditDropped those that never came there, by reason: "memory", "spool_full", "disk",
	// "spool", "encoding", "end". Each reason is told by relay.audit.gap as well.
	AuditCommitted prometheus.Counter
	AuditDropped   *prometheus.CounterVec
	// AuditSampled counts the refusals that are only a part of a count in another record.
	AuditSampled prometheus.Counter
	// AuditCommits counts commits by outcome: "done", "failed". AuditCommitTime is how long
	// they took.
	AuditCommits    *prometheus.CounterVec
	AuditCommitTime prometheus.Histogram
	// AuditAway is 1 while the database takes no records. AuditWaiting are the
	// records in memory that it has yet to take; AuditSpooled, and AuditSpoolBytes, those
	// in the spool.
	AuditAway                                   prometheus.Gauge
	AuditWaiting, AuditSpooled, AuditSpoolBytes prometheus.Gauge
	// AuditUnrecorded counts what was refused because it could not be recorded first.
	AuditUnrecorded prometheus.Counter
	// AuditPurged counts the records that this node removed because of their age.
	AuditPurged prometheus.Counter

	// AuditReports counts the records that the CI backend reported, by source ("redis",
	// "http") and outcome ("kept", "refused").
	AuditReports *prometheus.CounterVec
	// AuditDelivered counts the records that outlets have taken, AuditOutletFailed the tries
	// that failed, and AuditOutletLag are the committed records that an outlet does not have
	// yet; by the kind of outlet: "stdout", "syslog+udp", "syslog+tcp", "syslog+tls", "s3".
	AuditDelivered, AuditOutletFailed *prometheus.CounterVec
	AuditOutletLag                    *prometheus.GaugeVec
}

func (f factory) audit() Audit {
	return Audit{
		AuditCommitted:    f.counter("audit_records_total", "Records that the audit database took from this node."),
		AuditDropped:      f.counters("audit_dropped_total", "Audit records that were lost, and told as a gap.", "reason"),
		AuditSampled:      f.counter("audit_sampled_total", "Refusals that are a part of a count in another record."),
		AuditCommits:      f.counters("audit_commits_total", "Commits to the audit database.", "outcome"),
		AuditCommitTime:   f.histogram("audit_commit_seconds", "Time that commits to the audit database took."),
		AuditAway:         f.gauge("audit_away", "1 while the audit database takes no records."),
		AuditWaiting:      f.gauge("audit_waiting_records", "Audit records in memory that the database has yet to take."),
		AuditSpooled:      f.gauge("audit_spooled_records", "Audit records in the spool."),
		AuditSpoolBytes:   f.gauge("audit_spool_bytes", "Bytes of the audit records in the spool."),
		AuditUnrecorded:   f.counter("audit_unrecorded_total", "What was refused because it could not be recorded first."),
		AuditPurged:       f.counter("audit_purged_total", "Audit records that this node removed because of their age."),
		AuditReports:      f.counters("audit_reports_total", "Audit records that the CI backend reported.", "source", "outcome"),
		AuditDelivered:    f.counters("audit_outlet_delivered_total", "Audit records that outlets have taken.", "outlet"),
		AuditOutletFailed: f.counters("audit_outlet_failed_total", "Tries to hand on audit records that failed.", "outlet"),
		AuditOutletLag:    f.gauges("audit_outlet_lag_records", "Committed audit records that an outlet does not have yet.", "outlet"),
	}
}
