-- Publishes a message unless that was done before under the same id, in one step.
-- KEYS: the key of the id and, for a cache channel, that of its last event, both of one
-- hash slot. ARGV: for how many ms the id is known, the Redis channel, the message, and,
-- for a cache channel, the event that is kept and for how many ms. It returns 1 where it
-- published, 0 where it had been done.

if not redis.call('SET', KEYS[1], '1', 'NX', 'PX', ARGV[1]) then return 0 end
local done
if KEYS[2] then done = redis.pcall('SET', KEYS[2], ARGV[4], 'PX', ARGV[5]) end
if not (type(done) == 'table' and done.err) then done = redis.pcall('PUBLISH', ARGV[2], ARGV[3]) end
if type(done) == 'table' and done.err then -- who is refused tries again
  redis.call('DEL', KEYS[1])
  return done
end
return 1
