"""A newsletter from a folder of templates, with a layout and an unsubscribe link for each reader."""

import rsmtp

news = rsmtp.Template.from_folder("newsletter", from_="news@example.com", list_id="news.example.com")
leave = "https://example.com/leave/{{ token|urlencode }}"
letters = rsmtp.merge(news, "readers.csv", to="{{ email }}", unsubscribe=leave)
with rsmtp.Mailer() as mailer:
    print(mailer.send_all(letters))
