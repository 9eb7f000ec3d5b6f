-- Tells all nodes something on a topic, and keeps it for a while for those who do not hear it
-- now, in one step. KEYS: the sorted set of what is kept, by its numbers. ARGV: the topic's Redis
-- channel; the text; for how many seconds it is kept; how much is kept; a number that its own is
-- to be above; and by how many seconds a number may be ahead of Redis' clock. It returns the number:
-- the microseconds of Redis' clock, or more where that went back a little. What is told once more is
-- kept once. What is no sorted set is a stranger's, and replaced; a number further ahead is wrong, or of a
-- clock that was, and no other is ever to be above it.

local key, topic, told, most = KEYS[1], ARGV[1], ARGV[2], tonumber(ARGV[4])
local function text(n) return string.format('%.0f', n) end

local kind = redis.call('TYPE', key).ok
if kind ~= 'zset' and kind ~= 'none' then redis.call('DEL', key) end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local ahead = now + tonumber(ARGV[6]) * 1000000
redis.call('ZREMRANGEBYSCORE', key, '-inf', '(' .. text(now - tonumber(ARGV[3]) * 1000000))
redis.call('ZREMRANGEBYSCORE', key, '(' .. text(ahead), '+inf')
local before = tonumber(redis.call('ZRANGE', key, -1, -1, 'WITHSCORES')[2] or 0)
local above = tonumber(ARGV[5])
if above > ahead then above = 0 end
local again = redis.call('ZREM', key, told) == 1
if not again and redis.call('ZRANGE', key, most - 1, most - 1)[1] then
  return redis.error_reply('TOLDFULL ' .. most .. ' are kept already')
end
local number = text(math.max(now, before + 1, above + 1))
redis.call('ZADD', key, number, told)
redis.call('EXPIRE', key, ARGV[3])
redis.call('PUBLISH', topic, number .. ' ' .. told)
return number
