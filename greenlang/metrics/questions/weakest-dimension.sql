-- On which quality dimensions are agents weakest: nearest to their threshold, or below it?
SELECT
    title AS dimension,
    round(avg(score - threshold), 2) AS average_margin,
    round(avg(score), 2) AS average_score,
    min(score) AS lowest_score,
    any_value(threshold) AS threshold,
    count(*) FILTER (status <> 'not_applicable') AS judged,
    count(*) FILTER (status = 'failed') AS failed,
    bool_or(required) AS required
FROM qa_dimensions
GROUP BY title
HAVING judged > 0
ORDER BY failed DESC, average_margin, dimension
