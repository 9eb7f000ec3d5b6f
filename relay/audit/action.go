package audit

// What the relay itself does. A backend's actions never begin with "relay.".
const (
	ActionConnectionOpen      = "relay.connection.open"          // ConnectionOpen
	ActionConnectionRefuse    = "relay.connection.refuse"        // ConnectionRefuse
	ActionConnectionClose     = "relay.connection.close"         // ConnectionClose
	ActionSignin              = "relay.connection.signin"        // Signin
	ActionSigninRefuse        = "relay.connection.signin_refuse" // SigninRefuse
	ActionSubscriptionGrant   = "relay.subscription.grant"       // SubscriptionGrant
	ActionSubscriptionDeny    = "relay.subscription.deny"        // SubscriptionDeny
	ActionSubscriptionEnd     = "relay.subscription.end"         // SubscriptionEnd
	ActionPublishDeny         = "relay.publish.deny"             // PublishDeny
	ActionPublishSummary      = "relay.publish.summary"          // PublishSummary
	ActionUserTerminate       = "relay.user.terminate"           // Terminate
	ActionConnectionTerminate = "relay.connection.terminate"     // Terminate
	ActionWebhookFail         = "relay.webhook.fail"             // WebhookFail
	ActionConfigReload        = "relay.config.reload"            // ConfigReload
	ActionTLSReload           = "relay.tls.reload"               // TLSReload
	ActionSealingReload       = "relay.sealing.reload"           // SealingReload
	ActionAuthorizationRevoke = "relay.authorization.revoke"     // AuthorizationRevoke
	ActionKeyRevoke           = "relay.key.revoke"               // KeyRevoke
	ActionKeyRefuse           = "relay.key.refuse"               // KeyRefuse
	ActionMaskRegister        = "relay.mask.register"            // MaskRegister
	ActionMaskHit             = "relay.mask.hit"                 // MaskHit
	ActionAdminDenied         = "relay.admin.denied"             // AdminDenied
	ActionAuditRead           = "relay.audit.read"               // AuditRead
	ActionAuditExport         = "relay.audit.export"             // AuditRead
	ActionAuditGap            = "relay.audit.gap"                // AuditGap
	ActionAuditVerify         = "relay.audit.verify"             // AuditVerify
	ActionAuditPurge          = "relay.audit.purge"              // AuditPurge
	ActionAuditRefuse         = "relay.audit.refuse"             // AuditRefuse
	ActionServerStart         = "relay.server.start"             // Server
	ActionServerStop          = "relay.server.stop"              // Server
	ActionServerInsecure      = "relay.server.insecure"          // ServerInsecure
)

const (
	mostAction = 100 // bytes
	wantAction = "must be two or more words with dots between them, each a lowercase ASCII letter " +
		"and then such letters, digits or _, together at most 100 bytes"
)

// isAction reports whether text is an action: two or more words with dots between them, each
// a lowercase ASCII letter and then such letters, digits and underscores.
func isAction(text string) bool {
	dots := 0
	previous := byte('.')
	for _, c := range []byte(text) {
		switch {
		case c >= 'a' && c <= 'z':
		case c == '.' && previous != '.':
			dots++
		case (c >= '0' && c <= '9' || c == '_') && previous != '.':
		default:
			return false
		}
		previous = c
	}
	return dots > 0 && previous != '.' && len(text) <= mostAction
}
