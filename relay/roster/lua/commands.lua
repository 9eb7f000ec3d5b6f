-- The commands of the roster; all else stands before this.

local function keep_seq(before)
  if seq ~= before then redis.call('SET', base .. ':seq', number(seq)) end
end

-- others answers 1 if another incarnation has a lease, or may live and not have said so, else 0.
local function others(inc)
  if redis.call('EXISTS', base .. ':hold') == 1 then return 1 end
  for _, other in ipairs(set('SMEMBERS', base .. ':incs')) do
    if other ~= inc and redis.call('MGET', key('lease', other))[1] == epoch then return 1 end
  end
  return 0
end

-- lease INC KNOWN LEASE SILENCE HOLD: takes or refreshes the lease of an incarnation.
-- KNOWN is the epoch that it has had a lease in; '-' if it has had none, but its node has
-- under another name; empty for a new node. Answers the epoch; 1 if it has a lease now, 0 if
-- it had lost it: then it never gets one again; and 1 if others may live, else 0.
function commands.lease(inc, known, ms, silence, hold_ms)
  local last, run = begin(base .. ':last', base .. ':run')
  local info = redis.pcall('INFO', 'server')
  local is = type(info) == 'string' and info:match('run_id:(%x+)') or ''
  local had = known ~= '' and known ~= '-'
  local lost = not epoch or is ~= '' and run and run ~= is
  if lost then
    epoch = redis.sha1hex(time[1] .. ' ' .. time[2] .. ' ' .. inc .. ' ' .. base .. ' ' .. is):sub(1, 16)
    redis.call('SET', base .. ':epoch', epoch)
  elseif had and known ~= epoch then
    lost = true
  else
    lost = whole(last) and now - whole(last) > tonumber(silence)
  end
  if lost and (known ~= '' or redis.call('EXISTS', base .. ':incs') == 1) then
    redis.call('SET', base .. ':hold', '1', 'PX', hold_ms)
  end
  redis.call('SET', base .. ':last', number(now))
  if is ~= '' and is ~= run then redis.call('SET', base .. ':run', is) end
  local lease = key('lease', inc)
  if had and (known ~= epoch or redis.call('MGET', lease)[1] ~= epoch) then return {epoch, 0, 1} end
  redis.call('SET', lease, epoch, 'PX', ms)
  set('SADD', base .. ':incs', inc)
  return {epoch, 1, others(inc)}
end

-- release INC: gives the lease back.
function commands.release(inc)
  redis.call('DEL', key('lease', inc))
  if redis.call('EXISTS', key('of', inc)) == 0 then set('SREM', base .. ':incs', inc) end
  return 'ok'
end

-- apply INC EPOCH HOLD [KIND FLAGS NAME ID TEXT NUMBER]...: does what an incarnation says,
-- in order; HOLD makes a hold last for so many ms more at the least. Answers
-- {'gone'} if it has no lease any more, else 'ok', for how many ms the hold lasts, and the
-- answers.
function commands.apply(inc, known, hold_ms, ...)
  local lease = begin(key('lease', inc))
  if epoch ~= known or lease ~= known then return {'gone'} end
  local args, before, left = {...}, seq, 0
  if hold then
    left = redis.call('PTTL', base .. ':hold')
    if left < tonumber(hold_ms) then
      left = tonumber(hold_ms)
      redis.call('PEXPIRE', base .. ':hold', left)
    end
  end
  local answers = {'ok', left}
  for i = 1, #args, 6 do
    local kind, flags, name = args[i], args[i + 1], args[i + 2]
    local id, text, n = args[i + 3], args[i + 4], tonumber(args[i + 5])
    local answer
    if kind == 'enter' then answer = attempt(name, enter, flags, id, text, n, inc)
    elseif kind == 'leave' then answer = attempt(name, leave, flags, id, inc)
    elseif kind == 'count' then answer = attempt(name, count, flags, n, inc)
    else answer = attempt(name, roll, flags, n) end
    answers[#answers + 1] = answer
  end
  keep_seq(before)
  return answers
end

-- sweep SILENCE ROWS: takes back rows of incarnations without a lease, but not while there
-- is a hold. Stops when it has seen so many rows; answers 1 if there may be more, else 0.
function commands.sweep(silence, most)
  local last = whole(begin(base .. ':last'))
  if not epoch or hold or not last or now - last > tonumber(silence) then return 0 end
  local before, budget = seq, tonumber(most)
  for _, inc in ipairs(set('SMEMBERS', base .. ':incs')) do
    while redis.call('MGET', key('lease', inc))[1] ~= epoch do
      local names = set('SRANDMEMBER', key('of', inc), 100)
      if #names == 0 then
        set('SREM', base .. ':incs', inc)
        break
      end
      for _, name in ipairs(names) do
        local seen = attempt(name, clear, inc)
        if type(seen) == 'table' then return redis.error_reply(seen[2]) end
        budget = budget - seen
        if budget <= 0 then
          keep_seq(before)
          return 1
        end
      end
    end
  end
  keep_seq(before)
  return 0
end

-- finish NAME TTL: tells that the connections of a channel's user are to be ended, and
-- remembers it for so many ms.
function commands.finish(name, ttl)
  begin()
  if not epoch then return {'gone'} end
  local before, after = seq, version()
  local previous = redis.call('HGET', key('c', name), 'v')
  if redis.call('EXISTS', key('c', name)) == 1 then redis.call('HSET', key('c', name), 'v', after) end
  redis.call('SET', key('end', name), after, 'PX', ttl)
  publish(name, whole(previous) or 0, after, '"end":"1"')
  keep_seq(before)
  return {'ok'}
end

return commands[ARGV[1]](unpack(ARGV, 2))
