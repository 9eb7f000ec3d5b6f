-- The commands for what tells the outbox to webhooks. One node at a time does that for a
-- partition: the one that has its lease. A lease that Redis still has after it lost something
-- is still one: its node may be telling. But that begins anew then with the first entry, as
-- there may be others than it has seen.
--
--   sender             "SENDER EPOCH", for as long as the lease
--   told:SOURCE        the number of the last of the notes that a node told

local PAGE = 1048576 -- bytes of entries that one poll answers

-- lease_of returns the value of a lease, and who has it now: 'mine', 'other' or 'none'.
local function lease_of(sender)
  local has = (begin(base .. ':sender') or ''):match('^([^ ]+) ')
  local mine = sender .. ' ' .. (epoch or '')
  if not has then return mine, 'none' end
  return mine, has == sender and 'mine' or 'other'
end

-- page returns at most so many entries from an id on, and not more bytes than may be.
local function page(from, most)
  local all = redis.pcall('XRANGE', out, from, '+', 'COUNT', most)
  if all.err then
    redis.call('DEL', out, base .. ':bytes')
    return {}
  end
  local some, bytes = {}, 0
  for i = 1, #all do
    for _, text in ipairs(all[i][2]) do bytes = bytes + #text end
    if i > 1 and bytes > PAGE then break end
    some[i] = all[i]
  end
  return some
end

-- poll SENDER LEASE FROM KNOWN COUNT: claims or renews the lease for so many ms. Answers whose
-- it was, Redis' time in µs, how many entries were lost, the epoch, and the entries from that
-- id on: from the first one if it was nobody's, or the epoch is not the one that is KNOWN.
function commands.poll(sender, ms, from, known, most)
  local mine, whose = lease_of(sender)
  local at = number(tonumber(time[1]) * 1000000 + tonumber(time[2]))
  if whose == 'other' then return {whose, at, 0, '', {}} end
  redis.call('SET', base .. ':sender', mine, 'PX', ms)
  local lost = whole(value(base .. ':lost')) or 0
  if lost > 0 then redis.call('DEL', base .. ':lost') end
  if whose ~= 'mine' or known ~= (epoch or '') then from = '-' end
  return {whose, at, lost, epoch or '', page(from, most)}
end

-- stand says what standing answers for an entry.
local function stand(id)
  local found = entry(id)
  if not found then return -1 end
  local fields = fields_of(found)
  local app, channel = fields.app or '', fields.channel or ''
  local name = app .. ':' .. channel
  if fields.kind == 'subscription_count' then
    if value(key('tally', name)) == id then
      local left = redis.call('PTTL', key('tally', name))
      redis.call('SET', key('tally', name), '-', 'PX', math.max(left, 1))
    end
    local n = redis.pcall('HGET', key('o', app), channel)
    n = type(n) == 'string' and whole(n) or 0
    if n > 0 then return n end
    remove(id)
    return -1
  end
  local gone = due_key(name, fields.user or '')
  if value(gone) == id then redis.call('DEL', gone) end
  return 0
end

-- standing SENDER ID...: answers, for each entry that is due, -1 if it was taken back, else
-- how many subscriptions there are now if it tells that, else 0. After that nothing takes it
-- back any more. Answers 'other' if the lease is not the sender's.
function commands.standing(sender, ...)
  local _, whose = lease_of(sender)
  if whose ~= 'mine' then return 'other' end
  local answers = {}
  for i, id in ipairs({...}) do answers[i] = stand(id) end
  return answers
end

-- done ID...: removes entries.
function commands.done(...)
  for _, id in ipairs({...}) do remove(id) end
  return 'ok'
end

-- yield SENDER: gives the lease back.
function commands.yield(sender)
  local _, whose = lease_of(sender)
  if whose == 'mine' then redis.call('DEL', base .. ':sender') end
  return 'ok'
end

-- tell SOURCE FIRST [KIND NAME USER TEXT]...: notes what a node tells, numbered from FIRST
-- on, in order. What has a number that was told before is not noted again. Answers 'ok', and
-- what attempt answers for each that was noted.
function commands.tell(source, first, ...)
  local args, answers = {...}, {'ok'}
  local last, n = whole(value(key('told', source))) or 0, tonumber(first)
  for i = 1, #args, 4 do
    if n > last then
      answers[#answers + 1] = attempt(args[i + 1], tell, args[i], args[i + 2], args[i + 3])
      last = n
    end
    n = n + 1
  end
  redis.call('SET', key('told', source), number(last), 'PX', 600000)
  return answers
end
