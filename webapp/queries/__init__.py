"""The read side: what pages and exports show. Functions take the session and a firm; they change nothing."""
