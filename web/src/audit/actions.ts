// The actions that are known, and each as a sentence. {actor} and {target} are filled in, as
// is every other name in braces from the payload; of [did|do] the second half is told where it did
// not succeed.

export const SENTENCES: ReadonlyMap<string, string> = new Map([
  ['context.create', '{actor} [created|create] {target}'],
  ['context.delete', '{actor} [deleted|delete] {target}'],
  ['context.env_var.delete', '{actor} [deleted|delete] a variable of {target}'],
  ['context.env_var.store', '{actor} [stored|store] a variable in {target}'],
  ['context.secrets.accessed', '{actor} [read|read] the secrets of {target}'],
  ['project.env_var.create', '{actor} [added|add] a variable to {target}'],
  ['project.env_var.delete', '{actor} [deleted|delete] a variable of {target}'],
  ['project.settings.update', '{actor} [changed|change] the settings of {target}'],
  ['user.create', '{actor} [created|create] {target}'],
  ['user.logged_in', '{actor} [logged in|log in]'],
  ['user.logged_out', '{actor} [logged out|log out]'],
  ['workflow.job.approve', '{actor} [approved|approve] {target}'],
  ['workflow.job.finish', '{target} finished'],
  ['workflow.job.scheduled', '{actor} [scheduled|schedule] {target}'],
  ['workflow.job.start', '{actor} [started|start] {target}'],
  ['relay.connection.open', '{actor} connected'],
  ['relay.connection.refuse', '{actor} was refused a connection'],
  ['relay.connection.close', '{actor} disconnected'],
  ['relay.connection.signin', '{actor} signed in'],
  ['relay.connection.signin_refuse', '{actor} was refused to sign in'],
  ['relay.subscription.grant', '{actor} subscribed to {target}'],
  ['relay.subscription.deny', '{actor} was refused {target}'],
  ['relay.subscription.end', '{actor} left {target}'],
  ['relay.publish.deny', '{actor} was refused to publish to {target}'],
  ['relay.publish.summary', '{actor} published to {target}: {messages} messages, {bytes} bytes'],
  ['relay.user.terminate', '{actor} [closed|close] the connections of {target}'],
  ['relay.connection.terminate', '{actor} [closed|close] {target}'],
  ['relay.authorization.revoke', '{actor} [revoked|revoke] what was decided of {target}'],
  ['relay.webhook.fail', 'webhooks did not reach {host}, tried {attempts} times'],
  ['relay.config.reload', '{actor} [reloaded|reload] the configuration: {changed}'],
  ['relay.tls.reload', '{actor} [put|put] what changed of {use} in force'],
  ['relay.sealing.reload', '{actor} [reloaded|reload] the keys that seal: {after}'],
  ['relay.admin.denied', '{actor} was refused {path}'],
  ['relay.audit.read', '{actor} [read|read] the audit trail'],
  ['relay.audit.export', '{actor} [exported|export] the audit trail'],
  ['relay.audit.gap', '{count} records are missing here'],
  ['relay.audit.verify', '{actor} [verified|verify] the audit trail: {records} records, {problems} problems'],
  ['relay.audit.purge', '{count} records from before {before} were purged'],
  ['relay.audit.refuse', 'a report to the audit trail was refused'],
  ['relay.server.start', '{actor} started'],
  ['relay.server.stop', '{actor} stopped'],
  ['relay.server.insecure', '{actor} runs with an insecure {setting}'],
]);

const REFUSALS = /\.(?:deny|denied|refuse|signin_refuse)$/;

/** Whether somebody was not let do something, which is not the same as that it went wrong. */
export function isRefusal(action: string): boolean {
  return REFUSALS.test(action);
}

/** What a filter may name: each action, and each beginning that several have. */
export function suggestions(): string[] {
  const beginnings = new Map<string, number>();
  for (const action of SENTENCES.keys()) {
    const words = action.split('.');
    for (let n = 1; n < words.length; n++) {
      const beginning = `${words.slice(0, n).join('.')}.*`;
      beginnings.set(beginning, (beginnings.get(beginning) ?? 0) + 1);
    }
  }
  const shared = [...beginnings].filter(([, actions]) => actions > 1).map(([beginning]) => beginning);
  return [...shared, ...SENTENCES.keys()].sort();
}
