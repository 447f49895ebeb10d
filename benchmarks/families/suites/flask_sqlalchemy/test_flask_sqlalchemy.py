"""A row is written and read."""

import flask
import flask_sqlalchemy


def test_a_row_is_written_and_read():
    app = flask.Flask(__name__)
    app.config["SQLALCHEMY_DATABASE_URI"] = "sqlite://"
    app.config["SQLALCHEMY_TRACK_MODIFICATIONS"] = False
    db = flask_sqlalchemy.SQLAlchemy(app)

    class Row(db.Model):
        id = db.Column(db.Integer, primary_key=True)

    with app.app_context():
        db.create_all()
        db.session.add(Row(id=7))
        db.session.commit()
        assert Row.query.one().id == 7
